// {placeholders} in the values that a route writes: redirect targets, rewrites, header values.
//   {host} {uri} {path} {query} {method} {scheme} {client} {listener} {request_id} {0}..{9}
// Anything else in braces stays as it is.
#pragma once
#include <string>
#include <string_view>

#include "proxy/route.hpp"

namespace culvert::proxy {

struct PlaceholderValues {
  const RequestView& request;
  const Captures& captures;
  std::string_view request_id;
  std::string_view scheme;
};

// Appends `text` with its placeholders filled in.
void expand(std::string& out, std::string_view text, const PlaceholderValues& values);
// Whether `text` has any, so that the caller can keep constant text as it is.
bool has_placeholders(std::string_view text);

}  // namespace culvert::proxy
