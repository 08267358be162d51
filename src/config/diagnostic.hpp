// What is wrong with a file, where, and what to write instead. Printed for people, for editors, or as JSON.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace culvert::config {

enum class Severity : std::uint8_t { error, warning };

// A stretch of one line. Columns and lengths count characters, from 1.
struct Span {
  std::string file;  // as given on the command line or found by an include
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 1;
  std::string source;  // the line itself, without its end
};

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
};

using Diagnostics = std::vector<Diagnostic>;

bool has_errors(const Diagnostics& diagnostics);
// The form of the documentation: FILE:LINE:COL: error: TEXT [code], the line, carets and label, second place, help.
std::string to_text(const Diagnostics& diagnostics);
std::string to_json(const Diagnostics& diagnostics);

}  // namespace culvert::config
