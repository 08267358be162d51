#include "wire/methods.hpp"

#include <algorithm>

namespace culvert::wire {

std::span<const std::string_view> methods() {
  static constexpr std::string_view names[] = {
      "ACL", "BIND", "CHECKOUT", "CONNECT", "COPY", "DELETE", "GET", "HEAD", "LINK", "LOCK", "M-SEARCH", "MERGE",
      "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "NOTIFY", "OPTIONS", "PATCH", "POST", "PROPFIND", "PROPPATCH",
      "PURGE", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "TRACE", "UNBIND", "UNLINK",
      "UNLOCK", "UNSUBSCRIBE"};
  return names;
}

bool is_known_method(std::string_view method) {
  if (method == "GET" || method == "POST") return true;  // as nearly all are
  const auto names = methods();
  return std::binary_search(names.begin(), names.end(), method);
}

}  // namespace culvert::wire
