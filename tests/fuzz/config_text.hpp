// A configuration as text: read, substituted, checked, built, warned about, as config::load does with a file.
#pragma once
#include <string>

#include "config/build.hpp"
#include "config/checker.hpp"
#include "config/reader.hpp"
#include "config/substitute.hpp"
#include "config/warnings.hpp"
#include "fuzz/target.hpp"

namespace culvert::fuzz {

inline void check_place(const config::Span& span, const config::Source& source, const std::string& text) {
  EXPECT_EQ(span.file, source.file()) << text;
  EXPECT_GE(span.line, 1u) << text;
  EXPECT_GE(span.column, 1u) << text;
  if (span.length == 0) return;
  EXPECT_EQ(span.source, source.line(span.line)) << text;
  EXPECT_LE(span.column + span.length, config::count_characters(span.source) + 2) << text;
}

template <class Read>
void read_config(std::string_view input, const Read& read) {
  config::Diagnostics diagnostics;
  const config::Source source("fuzz", input);
  std::optional<config::Node> tree = read(source, diagnostics);
  if (tree) {
    config::substitute(*tree, diagnostics);
    config::check(*tree, diagnostics);
    if (!config::has_errors(diagnostics)) config::add_warnings(*tree, config::build(*tree), diagnostics);
  }
  EXPECT_TRUE(tree || config::has_errors(diagnostics)) << "what cannot be read is told";
  for (const config::Diagnostic& diagnostic : diagnostics) {
    EXPECT_FALSE(diagnostic.code.empty() || diagnostic.text.empty());
    const std::string text = config::to_text({diagnostic});
    check_place(diagnostic.at, source, text);
    if (diagnostic.has_second) check_place(diagnostic.second, source, text);
  }
  config::to_json(diagnostics);
}

}  // namespace culvert::fuzz
