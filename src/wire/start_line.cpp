#include "wire/start_line.hpp"

#include <llhttp.h>

#include <cstddef>
#include <string_view>

#include "wire/methods.hpp"
#include "wire/sixteen.hpp"
#include "wire/text.hpp"

namespace culvert::wire {
namespace {

// ---- the usual way: both return where the next line begins, or null where there is anything to think about

constexpr std::string_view usual_version = "HTTP/1.";

// "HTTP/1.0" up to "HTTP/1.1", or a `highest` minor version that is read as 1.1; all of it may be read.
bool read_usual_version(const char* at, char highest, std::uint8_t& minor_version) {
  const char minor = at[usual_version.size()];
  if (std::string_view{at, usual_version.size()} != usual_version || minor < '0' || minor > highest) return false;
  minor_version = minor == '0' ? 0 : 1;
  return true;
}

const char* read_usual_request_line(const char* line, MessageHead& head) {
  const char* const method_end = find_guarded(line, no_word<Sixteen>);
  if (*method_end != ' ' || !is_known_method({line, method_end})) return nullptr;
  const char* const target = method_end + 1;
  const char* const target_end = find_guarded(target, no_word<Sixteen>);
  if (*target_end != ' ' || target_end == target) return nullptr;
  const char* const version = target_end + 1;
  const char* const end = version + usual_version.size() + 1;
  if (!read_usual_version(version, '1', head.minor_version) || end[0] != '\r' || end[1] != '\n') return nullptr;
  head.method = {line, method_end};
  head.target = {target, target_end};
  return end + 2;
}

// A blank, three digits and a blank or the end of the line; nothing where it is anything else.
const char* read_status(const char* at, std::uint16_t& status) {
  if (*at++ != ' ') return nullptr;
  std::uint16_t number = 0;
  for (int i = 0; i < 3; ++i, ++at) {
    if (!is(digit_char, *at)) return nullptr;
    number = static_cast<std::uint16_t>(number * 10 + (*at - '0'));
  }
  if (number < 100 || (*at != ' ' && *at != '\r')) return nullptr;
  status = number;
  return at;
}

// An answer may have a higher minor version than was asked for (RFC 9110 2.5), which Node does not take.
const char* read_usual_status_line(const char* line, Rules rules, MessageHead& head) {
  if (!read_usual_version(line, rules == Rules::strict ? '9' : '1', head.minor_version)) return nullptr;
  const char* const status_end = read_status(line + usual_version.size() + 1, head.status);
  if (status_end == nullptr || *status_end != ' ') return nullptr;
  const LineEnd end = find_line_end(status_end, rules);
  if (end.error != ParseError::ok) return nullptr;
  head.reason = {status_end + 1, end.at};
  return end.at + end.size;
}

// ---- every other way

const char* end_of(std::string_view text) { return text.data() + text.size(); }

// llhttp on one line, and what culvert minds in it that llhttp, or some version of it, does not. Each text but that of a
// method comes in one piece, because the line does.
class Grammar {
 public:
  Grammar(MessageKind kind, MessageHead& head) : kind_(kind), head_(head) {
    llhttp_init(&parser_, kind == MessageKind::request ? HTTP_REQUEST : HTTP_RESPONSE, &callbacks);
    parser_.data = this;
  }
  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;

  // The line without its end.
  ParseError read(std::string_view line);
  const char* error_place() const { return llhttp_get_error_pos(&parser_); }

 private:
  static Grammar& of(llhttp_t* parser) { return *static_cast<Grammar*>(parser->data); }
  static int on_method(llhttp_t* parser, const char* at, std::size_t size);
  static int on_target(llhttp_t* parser, const char* at, std::size_t size);
  static int on_version(llhttp_t* parser, const char* at, std::size_t size);
  static int on_reason(llhttp_t* parser, const char* at, std::size_t size);
  static const llhttp_settings_t callbacks;

  bool run(std::string_view text);
  int refuse(ParseError what) {
    error_ = what;
    return HPE_USER;
  }

  llhttp_t parser_;
  const MessageKind kind_;
  MessageHead& head_;
  ParseError error_ = ParseError::ok;
};

const llhttp_settings_t Grammar::callbacks = [] {
  llhttp_settings_t settings{};
  settings.on_method = on_method;
  settings.on_url = on_target;
  settings.on_version = on_version;
  settings.on_status = on_reason;
  return settings;
}();

ParseError Grammar::read(std::string_view line) {
  const std::string_view word = line.substr(0, line.find(' '));
  if (kind_ == MessageKind::request && word == "QUERY") {  // younger than some versions of llhttp: they hear of another
    if (run("GET")) run(line.substr(word.size()));
  } else {
    run(line);
  }
  if (error_ == ParseError::ok) run("\r\n");
  // llhttp's methods are a fixed list: what is not on it may still be a method (RFC 9110 9.1).
  const bool names_a_method = word.size() < line.size() && is_token(word);
  if (error_ == ParseError::HPE_INVALID_METHOD && names_a_method) error_ = ParseError::unknown_method;
  return error_;
}

bool Grammar::run(std::string_view text) {
  const llhttp_errno_t result = llhttp_execute(&parser_, text.data(), text.size());
  if (result != HPE_OK && error_ == ParseError::ok) error_ = parse_error_named(llhttp_errno_name(result));
  return result == HPE_OK;
}

int Grammar::on_method(llhttp_t* parser, const char* at, std::size_t size) {
  // Behind the last method of HTTP come those of RTSP, and those that only newer versions of llhttp know.
  if (parser->method > HTTP_SOURCE) return of(parser).refuse(ParseError::unknown_method);
  of(parser).head_.method = {at, size};
  return HPE_OK;
}

int Grammar::on_target(llhttp_t* parser, const char* at, std::size_t size) {
  Grammar& self = of(parser);
  if (at[size] != ' ') return self.refuse(ParseError::no_version);
  if (at != end_of(self.head_.method) + 1) return self.refuse(ParseError::start_line_spaces);
  self.head_.target = {at, size};
  return HPE_OK;
}

int Grammar::on_version(llhttp_t* parser, const char* at, std::size_t size) {
  Grammar& self = of(parser);
  if (size == 0) return HPE_OK;  // the line broke off: llhttp says so, and `at` is not in it
  const std::string_view word{at - 5, 5};  // RTSP/ and ICE/ are words that llhttp takes, too
  if (word != "HTTP/") return self.refuse(ParseError::HPE_INVALID_CONSTANT);
  if (self.kind_ == MessageKind::request && word.data() != end_of(self.head_.target) + 1) {
    return self.refuse(ParseError::start_line_spaces);
  }
  if (size != 3) return HPE_OK;  // malformed: llhttp says so
  const std::string_view version{at, size};
  if (version != "1.0" && version != "1.1") return self.refuse(ParseError::version_not_supported);
  self.head_.minor_version = version == "1.1" ? 1 : 0;
  if (self.kind_ == MessageKind::request) return HPE_OK;
  // llhttp 8 takes any number of digits.
  const bool valid = read_status(at + size, self.head_.status) != nullptr;
  return valid ? HPE_OK : self.refuse(ParseError::HPE_INVALID_STATUS);
}

int Grammar::on_reason(llhttp_t* parser, const char* at, std::size_t size) {
  of(parser).head_.reason = {at, size};
  return HPE_OK;
}

// Node knows no more than that something is wrong with the method or the version.
ParseError as_told_by(Rules rules, ParseError error) {
  if (rules == Rules::strict) return error;
  if (error == ParseError::unknown_method) return ParseError::HPE_INVALID_METHOD;
  return error == ParseError::version_not_supported ? ParseError::HPE_INVALID_VERSION : error;
}

// Out of line, so that the usual way need not make room for it.
[[gnu::noinline]] const char* read_any_start_line(MessageKind kind, Rules rules, const char* line, MessageHead& head,
                                                  ParseError& error) {
  const LineEnd end = find_line_end(line, rules);
  if (end.error != ParseError::ok) {
    error = end.error == ParseError::HPE_INVALID_HEADER_TOKEN ? ParseError::control_character : end.error;
    return line;
  }
  Grammar grammar(kind, head);
  error = as_told_by(rules, grammar.read({line, end.at}));
  if (error == ParseError::ok) return end.at + end.size;
  const char* const place = grammar.error_place();
  return place >= line && place <= end.at ? place : line;
}

}  // namespace

const char* read_start_line(MessageKind kind, Rules rules, const char* line, MessageHead& head, ParseError& error) {
  const char* const usual_end =
      kind == MessageKind::request ? read_usual_request_line(line, head) : read_usual_status_line(line, rules, head);
  return usual_end != nullptr ? usual_end : read_any_start_line(kind, rules, line, head, error);
}

}  // namespace culvert::wire
