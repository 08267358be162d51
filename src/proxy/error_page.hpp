// The short body of an answer that culvert makes because something failed: HTML, JSON or text, as Accept asks.
#pragma once
#include <string>
#include <string_view>

#include "culvert/headers.hpp"
#include "proxy/failure.hpp"

namespace culvert::proxy {

struct ErrorPage {
  std::string_view content_type;
  std::string body;
};

// `headers` of the request; null where none is known (then plain HTML).
ErrorPage error_page(Reason reason, const HeaderList* headers, std::string_view request_id);
// The value of Proxy-Status (RFC 9209): culvert; error=connection_refused; details="upstream_connect_refused"
std::string proxy_status(Reason reason, std::string_view pseudonym);
// The whole answer in bytes for a connection that has no message to answer with (a head that could not be parsed).
std::string raw_error_response(Reason reason, std::string_view date, std::string_view server_header,
                               std::string_view pseudonym);

}  // namespace culvert::proxy
