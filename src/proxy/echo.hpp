// The built-in demonstration upstream (a route with `echo = true`): shows what reached it.
//   /bytes/N    exactly N bytes with Content-Length (N up to 1 GiB)
//   /stream/N   N lines, one a write, chunked (N up to 1,000,000)
//   else        the request as it arrived, as JSON: method, target, version, headers as [name, value] pairs, and the
//               body: its size and, up to 64 KiB of text, itself
#pragma once
#include "culvert/http.hpp"

namespace culvert::proxy {

// Answers `request`; both messages belong to the caller's server. Holds what it needs until the response closes.
void echo(IncomingMessage& request, ServerResponse& response);

}  // namespace culvert::proxy
