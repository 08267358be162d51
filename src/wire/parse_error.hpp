// What can be wrong with a peer's HTTP/1 bytes. One table: Node's HPE_ name, status that a server answers, sentence.
#pragma once
#include <cstdint>
#include <string_view>
#include <system_error>

namespace culvert::wire {

enum class ParseError : int {
  ok = 0,
#define CULVERT_PARSE_ERROR(name, status, sentence) name,
#include "wire/parse_error.def"
#undef CULVERT_PARSE_ERROR
};

const std::error_category& parse_category();
inline std::error_code make_error_code(ParseError error) { return {static_cast<int>(error), parse_category()}; }
std::string_view name_of(ParseError error);       // "HPE_INVALID_HEADER_TOKEN"
ParseError parse_error_named(std::string_view name);  // the row with that name; HPE_INTERNAL where there is none
std::uint16_t status_for(std::error_code error);  // 400, 414, 431, 501, 505 ...; 400 for codes of other categories

}  // namespace culvert::wire

template <>
struct std::is_error_code_enum<culvert::wire::ParseError> : std::true_type {};
