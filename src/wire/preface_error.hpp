// What can be wrong with the first bytes of a stream, before anybody takes them for HTTP. One table: name, sentence.
#pragma once
#include <string_view>
#include <system_error>

namespace culvert::wire {

enum class PrefaceError : int {
  ok = 0,
#define CULVERT_PREFACE_ERROR(name, sentence) name,
#include "wire/preface_error.def"
#undef CULVERT_PREFACE_ERROR
};

const std::error_category& preface_category();
inline std::error_code make_error_code(PrefaceError error) { return {static_cast<int>(error), preface_category()}; }
std::string_view name_of(PrefaceError error);  // "not_tls"

}  // namespace culvert::wire

template <>
struct std::is_error_code_enum<culvert::wire::PrefaceError> : std::true_type {};
