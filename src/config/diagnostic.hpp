// What is wrong with a file, where, and what to write instead. Printed for people, for editors, or as JSON.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert::config {

enum class Severity : std::uint8_t { error, warning };

// A stretch of one line. Columns and lengths count characters, from 1. A length of 0 means the file as a whole: no line
// is shown.
struct Span {
  std::string file;  // as given on the command line or found by an include
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 1;
  std::string source;  // the line itself, without its end
};

inline Span whole_file(std::string file) { return {std::move(file), 1, 1, 0, {}}; }

struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;   // "unknown-key"
  std::string text;   // the sentence
  Span at;
  std::string label;  // behind the carets: 'did you mean "max_sockets"?'
  bool has_second = false;
  Span second;        // for example where something was defined; underlined with dashes
  std::string second_label;
  std::string help;   // the line that begins with =

  Diagnostic& with_second(const Span& place, std::string_view place_label);
};

using Diagnostics = std::vector<Diagnostic>;

Diagnostic error_at(const Span& at, std::string_view code, std::string text, std::string label = {},
                    std::string help = {});
Diagnostic warning_at(const Span& at, std::string_view code, std::string text, std::string label = {},
                      std::string help = {});

std::string in_quotes(std::string_view text);         // "text"
std::string did_you_mean(std::string_view text);   // did you mean "text"?

bool has_errors(const Diagnostics& diagnostics);
// The form of the documentation: FILE:LINE:COL: error: TEXT [code], the line, carets and label, second place, help.
std::string to_text(const Diagnostics& diagnostics);
std::string to_json(const Diagnostics& diagnostics);

}  // namespace culvert::config
