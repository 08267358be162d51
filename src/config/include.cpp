#include "config/include.hpp"

#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/reader.hpp"
#include "config/substitute.hpp"

namespace culvert::config {
namespace {

std::optional<std::string> read_text(const std::string& path, Diagnostics& diagnostics) {
  const auto unreadable = [&](std::string_view reason) {
    diagnostics.push_back(error_at(whole_file(path), "unreadable", "cannot be read: " + std::string(reason)));
    return std::nullopt;
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return unreadable("it is a directory");
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(std::strerror(errno));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<Node> read_file(const std::string& path, Diagnostics& diagnostics) {
  const std::optional<std::string> text = read_text(path, diagnostics);
  if (!text) return std::nullopt;
  const Source source(path, *text);
  const bool is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
  std::optional<Node> tree = is_yaml ? read_yaml(source, diagnostics) : read_toml(source, diagnostics);
  if (tree) substitute(*tree, diagnostics);
  return tree;
}

// The files that a pattern names, sorted by name.
std::vector<std::string> matching(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), GLOB_MARK, nullptr, &found) == 0) {
    std::copy_if(found.gl_pathv, found.gl_pathv + found.gl_pathc, std::back_inserter(paths),
                 [](std::string_view path) { return !path.ends_with('/'); });
  }
  globfree(&found);
  return paths;
}

void report_twice(std::string what, std::string_view code, const Span& again, const Span& first,
                  Diagnostics& diagnostics) {
  diagnostics.push_back(
      error_at(again, code, std::move(what) + " is given twice", "second time here")
          .with_second(first, "first given here"));
}

// Adds what an included file says to what is there. Sections come together; what stands in them, a setting or a named
// table, comes from one file or the other. `name` is the section's, empty at the root.
void merge(Node& into, Node&& from, const std::string& name, Diagnostics& diagnostics) {
  for (Entry& entry : from.entries) {
    const auto there = std::find_if(into.entries.begin(), into.entries.end(),
                                    [&](const Entry& other) { return other.key == entry.key; });
    if (there == into.entries.end()) {
      into.entries.push_back(std::move(entry));
      continue;
    }
    Node& value = there->value;
    if (value.kind == Node::Kind::table && entry.value.kind == Node::Kind::table && name.empty()) {
      merge(value, std::move(entry.value), entry.key, diagnostics);
    } else if (name.empty() && entry.key == "route" && value.kind == Node::Kind::list) {
      std::move(entry.value.items.begin(), entry.value.items.end(), std::back_inserter(value.items));
    } else if (entry.value.kind == Node::Kind::table) {
      report_twice("[" + name + "." + entry.key + "]", "duplicate-table", entry.at, there->at, diagnostics);
    } else {
      report_twice(in_quotes(entry.key), "duplicate-key", entry.at, there->at, diagnostics);
    }
  }
}

class Includer {
 public:
  Includer(Files& files, Diagnostics& diagnostics) : files_(files), diagnostics_(diagnostics) {}

  // False where a file could not be read to its end.
  bool include(const std::vector<Node>& patterns) {
    bool complete = true;
    for (const Node& pattern : patterns) {
      if (!pattern.is_text()) continue;  // the checker says so
      const std::filesystem::path folder = std::filesystem::path(pattern.at.file).parent_path();
      const std::vector<std::string> paths = matching((folder / pattern.text).string());
      if (paths.empty()) {
        diagnostics_.push_back(warning_at(pattern.at, "no-match", "no file matches " + in_quotes(pattern.text)));
      }
      for (const std::string& path : paths) complete = add(path) && complete;
    }
    return complete;
  }

 private:
  bool add(const std::string& path) {
    if (std::find(files_.names.begin(), files_.names.end(), path) != files_.names.end()) return true;
    files_.names.push_back(path);
    std::optional<Node> tree = read_file(path, diagnostics_);
    if (!tree) return false;
    if (const Entry* nested = tree->find("include")) {
      diagnostics_.push_back(error_at(nested->at, "nested-include", "an included file does not include others",
                                      "name those files in " + files_.names.front()));
      return false;
    }
    merge(*files_.tree, std::move(*tree), "", diagnostics_);
    return true;
  }

  Files& files_;
  Diagnostics& diagnostics_;
};

}  // namespace

Files read_with_includes(const std::string& path, Diagnostics& diagnostics) {
  Files files;
  files.names.push_back(path);
  files.tree = read_file(path, diagnostics);
  if (!files.tree) return files;
  const Node* include = files.tree->value_of("include");
  if (include == nullptr) return files;
  // A copy: the tree grows while its patterns are walked.
  const std::vector<Node> patterns(include->values().begin(), include->values().end());
  if (!Includer(files, diagnostics).include(patterns)) files.tree.reset();
  return files;
}

}  // namespace culvert::config
