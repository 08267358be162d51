// RFC 9110 9.2.2: what may be sent a second time without asking anybody.
#pragma once
#include <string_view>

namespace culvert::proxy {

// In line, since the first word nearly always decides.
[[gnu::always_inline]] inline bool idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" ||
         method == "TRACE";
}

}  // namespace culvert::proxy
