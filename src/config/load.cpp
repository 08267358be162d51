#include "config/load.hpp"

#include <algorithm>
#include <tuple>

#include "config/build.hpp"
#include "config/certificates.hpp"
#include "config/checker.hpp"
#include "config/include.hpp"
#include "config/learned_rules.hpp"
#include "config/secret.hpp"
#include "config/warnings.hpp"

namespace culvert::config {
namespace {

void sort_by_place(Diagnostics& diagnostics, const std::vector<std::string>& files) {
  const auto place = [&](const Diagnostic& diagnostic) {
    const auto file = std::find(files.begin(), files.end(), diagnostic.at.file) - files.begin();
    return std::tuple(file, diagnostic.at.line, diagnostic.at.column);
  };
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [&](const Diagnostic& left, const Diagnostic& right) {
    return place(left) < place(right);
  });
}

}  // namespace

Loaded load(const std::string& path) {
  Loaded loaded;
  Files files = read_with_includes(path, loaded.diagnostics);
  if (files.tree) {
    check(*files.tree, loaded.diagnostics);
    read_secrets(*files.tree, loaded.diagnostics);
    read_certificates(*files.tree, loaded.diagnostics);
    if (!has_errors(loaded.diagnostics)) check_learned_files(*files.tree, loaded.diagnostics);
  }
  if (files.tree && !has_errors(loaded.diagnostics)) {
    const auto config = std::make_shared<const Config>(build(*files.tree));
    add_warnings(*files.tree, *config, loaded.diagnostics);
    loaded.limits = limits_in_force(*files.tree);
    loaded.config = config;
  }
  sort_by_place(loaded.diagnostics, files.names);
  return loaded;
}

}  // namespace culvert::config
