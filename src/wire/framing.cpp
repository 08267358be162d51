#include "wire/framing.hpp"

#include <algorithm>
#include <optional>

#include "base/ascii.hpp"
#include "wire/header_names.hpp"

namespace culvert::wire {
namespace {

// Content-Length alone, which is all that most messages have.
ParseError read_length(const HeaderList& headers, Framing& framing) {
  const Header* const line = headers.find(HeaderId::content_length);
  if (line == nullptr) return ParseError::ok;
  const std::optional<std::uint64_t> length = ascii::parse_decimal(line->value);
  if (!length) return ParseError::HPE_INVALID_CONTENT_LENGTH;
  const auto is_length = [](const Header& other) { return other.id == HeaderId::content_length; };
  if (std::any_of(line + 1, headers.end(), is_length)) return ParseError::HPE_UNEXPECTED_CONTENT_LENGTH;
  framing.has_length_field = true;
  framing.length = *length;
  framing.kind = Framing::Kind::length;
  return ParseError::ok;
}

ParseError read_codings(const HeaderList& headers, Rules rules, Framing& framing) {
  const Header* const first = headers.find(HeaderId::transfer_encoding);
  if (first == nullptr) return ParseError::ok;
  if (framing.has_length_field && rules != Rules::insecure) return ParseError::HPE_UNEXPECTED_CONTENT_LENGTH;
  std::size_t codings = 0;
  std::size_t times_chunked = 0;
  bool chunked_last = false;
  for (const Header* line = first; line != headers.end(); ++line) {
    if (line->id != HeaderId::transfer_encoding) continue;
    for (std::string_view rest = line->value; !rest.empty();) {
      const std::string_view coding = ascii::take_member(rest);
      if (coding.empty()) continue;
      ++codings;
      chunked_last = ascii::iequals(coding, "chunked");
      if (chunked_last) ++times_chunked;
    }
  }
  if (!chunked_last || times_chunked != 1) return ParseError::HPE_INVALID_TRANSFER_ENCODING;
  if (codings != 1) return ParseError::unknown_transfer_coding;
  framing.kind = Framing::Kind::chunked;
  return ParseError::ok;
}

// Asks first what is cheap: most requests have neither field, most responses only the length.
ParseError read_fields(const HeaderList& headers, Rules rules, Framing& framing) {
  if (headers.may_have(HeaderId::content_length)) {
    if (const ParseError error = read_length(headers, framing); error != ParseError::ok) return error;
  }
  return headers.may_have(HeaderId::transfer_encoding) ? read_codings(headers, rules, framing) : ParseError::ok;
}

}  // namespace

ParseError judge_request(const HeaderList& headers, std::uint8_t minor_version, Rules rules, Framing& framing) {
  framing = {.kind = Framing::Kind::none};
  const ParseError error = read_fields(headers, rules, framing);
  const bool chunked = error == ParseError::ok && framing.kind == Framing::Kind::chunked;
  return chunked && minor_version == 0 && rules == Rules::strict ? ParseError::transfer_encoding_in_1_0 : error;
}

ParseError judge_response(const HeaderList& headers, std::uint16_t status, Rules rules, Framing& framing) {
  framing = {.kind = Framing::Kind::until_close};
  const ParseError error = read_fields(headers, rules, framing);
  if (status < 200 || status == 204 || status == 304) framing.kind = Framing::Kind::none;
  return error;
}

}  // namespace culvert::wire
