// Which culvert this is.
#pragma once
#include <string_view>

namespace culvert::daemon {

inline constexpr std::string_view version = CULVERT_VERSION;  // defined by the build
inline constexpr std::string_view llhttp_version = CULVERT_LLHTTP_VERSION;

}  // namespace culvert::daemon
