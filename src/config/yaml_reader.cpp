// YAML through yaml-cpp's events: its own tree would swallow keys that are given twice, and share what aliases name.
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "config/reader.hpp"

namespace culvert::config {
namespace {

// Columns of yaml-cpp count bytes, from 0.
Span span_at(const Source& source, const YAML::Mark& mark, std::uint32_t length) {
  const auto line = static_cast<std::uint32_t>(mark.line + 1);
  const std::string_view text = source.line(line);
  return source.span(line, count_characters(text.substr(0, static_cast<std::size_t>(mark.column))) + 1, length);
}

// How far a quoted scalar reaches on its first line.
std::size_t quoted_bytes(std::string_view text) {
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || text.substr(i + 1, 1) != "'") return i + 1;
      ++i;  // '' stands for one quote
    }
  }
  return text.size();
}

Span span_of_scalar(const Source& source, const YAML::Mark& mark, std::string_view value) {
  std::string_view text = source.line(static_cast<std::uint32_t>(mark.line + 1));
  text = text.substr(std::min(static_cast<std::size_t>(mark.column), text.size()));
  if (text.starts_with('"') || text.starts_with('\'')) text = text.substr(0, quoted_bytes(text));
  if (text.starts_with(value) && !value.empty()) text = value;
  text = text.substr(0, text.find_last_not_of(" \t") + 1);
  return span_at(source, mark, count_characters(text));
}

class Builder : public YAML::EventHandler {
 public:
  Builder(const Source& source, Diagnostics& diagnostics) : source_(source), diagnostics_(diagnostics) {
    root_.kind = Node::Kind::table;
    root_.at = whole_file(source.file());
  }
  Node take() { return std::move(root_); }
  bool failed() const { return failed_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(scalar(mark, Node::Kind::nothing, "")); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(source_.rest_of_line(span_at(source_, mark, 1).line, span_at(source_, mark, 1).column),
         "aliases are not used here", "write the value itself, or quote it");
    add(scalar(mark, Node::Kind::nothing, ""));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    const bool is_quoted = tag == "!";
    if (!is_quoted && tag != "?") refuse_tag(mark);
    add(scalar(mark, is_quoted ? Node::Kind::string : Node::Kind::plain, value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, Node::Kind::table);
  }
  void OnMapEnd() override { close(); }

 private:
  // A table or list that is not closed yet; in a table, whether its next scalar is a key, and the last key.
  struct Level {
    Node node;
    bool expects_key = true;
    Entry entry;
  };

  Node scalar(const YAML::Mark& mark, Node::Kind kind, const std::string& value) const {
    Node node;
    node.kind = kind;
    node.text = value;
    node.at = span_of_scalar(source_, mark, value);
    return node;
  }

  void open(const YAML::Mark& mark, const std::string& tag, Node::Kind kind) {
    if (tag != "?" && !tag.empty()) refuse_tag(mark);
    Level level;
    level.node.kind = kind;
    const Span start = span_at(source_, mark, 1);
    level.node.at = source_.rest_of_line(start.line, start.column);
    levels_.push_back(std::move(level));
  }

  void close() {
    Node node = std::move(levels_.back().node);
    levels_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (levels_.empty()) {
      if (node.kind != Node::Kind::nothing) root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == Node::Kind::list) {
      level.node.items.push_back(std::move(node));
    } else if (level.expects_key) {
      if (!node.is_scalar()) fail(node.at, "a key is a word", "");
      level.entry = {node.text, node.at, {}};
      level.expects_key = false;
    } else {
      if (node.kind == Node::Kind::nothing) node.at = level.entry.at;
      level.entry.value = std::move(node);
      level.expects_key = true;
      add_entry(level);
    }
  }

  void add_entry(Level& level) {
    if (const Entry* first = level.node.find(level.entry.key)) {
      diagnostics_.push_back(error_at(level.entry.at, "duplicate-key", in_quotes(level.entry.key) + " is given twice",
                                      "second time here")
                                 .with_second(first->at, "first given here"));
      return;
    }
    level.node.entries.push_back(std::move(level.entry));
  }

  void refuse_tag(const YAML::Mark& mark) {
    fail(span_at(source_, mark, 1), "tags are not used here", "quote what begins with !");
  }
  void fail(const Span& at, std::string_view reason, std::string label) {
    failed_ = true;
    diagnostics_.push_back(error_at(at, "syntax", "not valid YAML: " + std::string(reason), std::move(label)));
  }

  const Source& source_;
  Diagnostics& diagnostics_;
  std::vector<Level> levels_;
  Node root_;
  bool failed_ = false;
};

}  // namespace

std::optional<Node> read_yaml(const Source& source, Diagnostics& diagnostics) {
  Builder builder(source, diagnostics);
  try {
    std::istringstream text(source.text());
    YAML::Parser parser(text);
    parser.HandleNextDocument(builder);
    Builder next(source, diagnostics);
    if (!builder.failed() && parser.HandleNextDocument(next)) {
      diagnostics.push_back(
          error_at(whole_file(source.file()), "syntax", "a file holds one YAML document, not several"));
      return std::nullopt;
    }
  } catch (const YAML::Exception& error) {
    const YAML::Mark mark = error.mark.is_null() ? YAML::Mark() : error.mark;
    diagnostics.push_back(error_at(span_at(source, mark, 1), "syntax", "not valid YAML: " + error.msg));
    return std::nullopt;
  }
  if (builder.failed()) return std::nullopt;
  return builder.take();
}

}  // namespace culvert::config
