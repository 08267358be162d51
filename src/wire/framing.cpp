#include "wire/framing.hpp"

#include <charconv>

#include "base/ascii.hpp"
#include "wire/header_names.hpp"
#include "wire/parse_error.hpp"
#include "wire/text.hpp"

namespace culvert::wire {
namespace {

// The framing fields as they stand in a head, before anybody asks whether they make sense for it.
struct Fields {
  bool has_length = false;
  std::uint64_t length = 0;
  bool has_coding = false;
  std::size_t codings = 0;       // members of all Transfer-Encoding lines
  std::size_t times_chunked = 0;
  bool chunked_last = false;

  std::error_code add_length(std::string_view value);
  void add_codings(std::string_view value);
  std::error_code judge(Rules rules) const;
};

std::error_code Fields::add_length(std::string_view value) {
  if (has_length) return ParseError::HPE_UNEXPECTED_CONTENT_LENGTH;
  has_length = true;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, length);
  if (error != std::errc() || stop != end) return ParseError::HPE_INVALID_CONTENT_LENGTH;
  return {};
}

void Fields::add_codings(std::string_view value) {
  has_coding = true;
  while (!value.empty()) {
    const std::string_view coding = ascii::take_member(value);
    if (coding.empty()) continue;
    ++codings;
    chunked_last = ascii::iequals(coding, "chunked");
    if (chunked_last) ++times_chunked;
  }
}

std::error_code Fields::judge(Rules rules) const {
  if (!has_coding) return {};
  if (has_length && rules != Rules::insecure) return ParseError::HPE_UNEXPECTED_CONTENT_LENGTH;
  if (!chunked_last || times_chunked != 1) return ParseError::HPE_INVALID_TRANSFER_ENCODING;
  if (codings != 1) return ParseError::unknown_transfer_coding;
  return {};
}

std::error_code read_fields(const HeaderList& headers, Rules rules, Fields& fields) {
  if (!headers.may_have(HeaderId::content_length) && !headers.may_have(HeaderId::transfer_encoding)) return {};
  for (const Header& header : headers) {
    if (header.id == HeaderId::content_length) {
      if (auto error = fields.add_length(header.value)) return error;
    } else if (header.id == HeaderId::transfer_encoding) {
      fields.add_codings(header.value);
    }
  }
  return fields.judge(rules);
}

void frame(const Fields& fields, Framing::Kind without_fields, Framing& framing) {
  framing.has_length_field = fields.has_length;
  framing.length = fields.length;
  framing.kind = fields.has_coding   ? Framing::Kind::chunked
                 : fields.has_length ? Framing::Kind::length
                                     : without_fields;
}

}  // namespace

std::error_code judge_request(const HeaderList& headers, std::uint8_t minor_version, Rules rules, Framing& framing) {
  Fields fields;
  if (auto error = read_fields(headers, rules, fields)) return error;
  if (fields.has_coding && minor_version == 0 && rules == Rules::strict) return ParseError::transfer_encoding_in_1_0;
  frame(fields, Framing::Kind::none, framing);
  return {};
}

std::error_code judge_response(const HeaderList& headers, std::uint16_t status, Rules rules, Framing& framing) {
  Fields fields;
  if (auto error = read_fields(headers, rules, fields)) return error;
  frame(fields, Framing::Kind::until_close, framing);
  if (status < 200 || status == 204 || status == 304) framing.kind = Framing::Kind::none;
  return {};
}

}  // namespace culvert::wire
