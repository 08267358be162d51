// Points in time as text: for Date fields and for logs. No locale, no allocation.
#pragma once
#include <cstddef>
#include <ctime>

#include "culvert/loop.hpp"

namespace culvert {

// Both write exactly that many characters at `out`, without a terminator, for years 0 to 9999.
inline constexpr std::size_t http_date_chars = 29;
inline constexpr std::size_t iso_time_chars = 24;
void format_http_date(char* out, std::time_t seconds);  // "Sat, 21 Nov 2026 10:00:00 GMT", RFC 9110 5.6.7
void format_iso_time(char* out, WallTime time);         // "2026-11-21T10:00:00.123Z"

}  // namespace culvert
