#include "config/diagnostic.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/json_text.hpp"

namespace culvert::config {
namespace {

std::string_view name_of(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

// The blank in front of the carets: tabs stay tabs, so that the carets stand below what they mean.
std::string indent(const Span& span) {
  std::string out;
  std::uint32_t column = 1;
  for (const char character : span.source) {
    if (column >= span.column) break;
    const bool continues_character = (static_cast<unsigned char>(character) & 0xc0) == 0x80;
    if (continues_character) continue;
    out += character == '\t' ? '\t' : ' ';
    ++column;
  }
  out.append(span.column - column, ' ');
  return out;
}

void append_line(std::string& out, const Span& span) {
  if (span.length == 0) return;
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "%5u", span.line);
  out += number.data();
  out += " | " + span.source + "\n";
}

void append_underline(std::string& out, const Span& span, char underline, std::string_view label) {
  if (span.length == 0) return;
  out += "      | " + indent(span) + std::string(span.length, underline);
  if (!label.empty()) out.append(" ").append(label);
  out += '\n';
}

void append_text(std::string& out, const Diagnostic& diagnostic) {
  const Span& at = diagnostic.at;
  out += at.file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
  out += std::string(name_of(diagnostic.severity)) + ": " + diagnostic.text + " [" + diagnostic.code + "]\n";

  const Span& second = diagnostic.second;
  const bool same_file = second.file == at.file;
  const bool second_goes_first = diagnostic.has_second && same_file && second.line < at.line;
  if (second_goes_first) {
    append_line(out, second);
    append_underline(out, second, '-', diagnostic.second_label);
  }
  append_line(out, at);
  append_underline(out, at, '^', diagnostic.label);
  if (diagnostic.has_second && !second_goes_first) {
    if (!same_file) out += "      > " + second.file + "\n";
    if (!same_file || second.line != at.line) append_line(out, second);
    append_underline(out, second, '-', diagnostic.second_label);
  }
  if (!diagnostic.help.empty()) out += "      = " + diagnostic.help + "\n";
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"" + std::string(name) + "\":";
  append_json_string(out, text);
}

void append_place_members(std::string& out, const Span& span) {
  out += "\"file\":";
  append_json_string(out, span.file);
  out += ",\"line\":" + std::to_string(span.line) + ",\"column\":" + std::to_string(span.column) +
         ",\"length\":" + std::to_string(span.length);
}

void append_json(std::string& out, const Diagnostic& diagnostic) {
  out += '{';
  append_place_members(out, diagnostic.at);
  append_member(out, "severity", name_of(diagnostic.severity));
  append_member(out, "code", diagnostic.code);
  append_member(out, "text", diagnostic.text);
  append_member(out, "label", diagnostic.label);
  if (diagnostic.has_second) {
    out += ",\"second\":{";
    append_place_members(out, diagnostic.second);
    append_member(out, "label", diagnostic.second_label);
    out += '}';
  }
  append_member(out, "help", diagnostic.help);
  out += '}';
}

Diagnostic make(Severity severity, const Span& at, std::string_view code, std::string text, std::string label,
                std::string help) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.code = code;
  diagnostic.text = std::move(text);
  diagnostic.at = at;
  diagnostic.label = std::move(label);
  diagnostic.help = std::move(help);
  return diagnostic;
}

}  // namespace

Diagnostic& Diagnostic::with_second(const Span& place, std::string_view place_label) {
  has_second = true;
  second = place;
  second_label = place_label;
  return *this;
}

Diagnostic error_at(const Span& at, std::string_view code, std::string text, std::string label, std::string help) {
  return make(Severity::error, at, code, std::move(text), std::move(label), std::move(help));
}

Diagnostic warning_at(const Span& at, std::string_view code, std::string text, std::string label, std::string help) {
  return make(Severity::warning, at, code, std::move(text), std::move(label), std::move(help));
}

std::string in_quotes(std::string_view text) { return std::string("\"").append(text).append("\""); }
std::string did_you_mean(std::string_view text) { return "did you mean " + in_quotes(text) + "?"; }

bool has_errors(const Diagnostics& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& diagnostic) { return diagnostic.severity == Severity::error; });
}

std::string to_text(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) append_text(out, diagnostic);
  return out;
}

std::string to_json(const Diagnostics& diagnostics) {
  std::string out = "[";
  for (const Diagnostic& diagnostic : diagnostics) {
    if (out.size() > 1) out += ',';
    append_json(out, diagnostic);
  }
  out += "]";
  return out;
}

}  // namespace culvert::config
