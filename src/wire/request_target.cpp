#include "wire/request_target.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/ascii.hpp"
#include "wire/header_names.hpp"
#include "wire/text.hpp"

namespace culvert::wire {
namespace {

bool valid_ipv6(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) return false;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  in6_addr address;
  return inet_pton(AF_INET6, terminated, &address) == 1;
}

// 1 to 65535 in decimal digits; no digits at all are no port (RFC 3986 3.2.3).
bool parse_port(std::string_view digits, std::uint16_t& port) {
  if (digits.empty()) return true;
  std::uint32_t number = 0;
  for (const char c : digits) {
    if (!is(digit_char, c)) return false;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
    if (number > 65535) return false;
  }
  port = static_cast<std::uint16_t>(number);
  return port != 0;
}

bool parse_authority(std::string_view text, Authority& authority) {
  std::size_t host_end = 0;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return false;
    authority.host = text.substr(1, bracket - 1);
    if (!valid_ipv6(authority.host)) return false;
    host_end = bracket + 1;
  } else {
    host_end = find(text, not_plain<Sixteen>);
    while (host_end < text.size() && is(host_char, text[host_end])) ++host_end;
    authority.host = text.substr(0, host_end);
    if (authority.host.empty()) return false;
  }
  if (host_end == text.size()) return true;
  return text[host_end] == ':' && parse_port(text.substr(host_end + 1), authority.port);
}

void parse_path(std::string_view text, RequestTarget& target) {
  const std::size_t question = text.find('?');
  target.path = text.substr(0, question);
  if (question != std::string_view::npos) target.query = text.substr(question + 1);
}

ParseError judge_characters(std::string_view target) {
  if (!target.empty() && find(target, not_in_target<Sixteen>) == target.size()) return ParseError::ok;
  return target.find('#') == std::string_view::npos ? ParseError::HPE_INVALID_URL : ParseError::fragment_in_target;
}

bool is_letter(char c) { return ascii::to_lower(c) >= 'a' && ascii::to_lower(c) <= 'z'; }

ParseError parse_absolute(std::string_view text, RequestTarget& target) {
  target.form = RequestTarget::Form::absolute;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || !is_letter(text.front())) return ParseError::HPE_INVALID_URL;
  target.scheme = text.substr(0, colon);
  for (const char c : target.scheme) {
    if (!is_letter(c) && !is(digit_char, c) && c != '+' && c != '-' && c != '.') return ParseError::HPE_INVALID_URL;
  }
  const std::string_view rest = text.substr(colon + 3);
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  if (!parse_authority(rest.substr(0, path), target.authority)) return ParseError::HPE_INVALID_URL;
  parse_path(rest.substr(path), target);
  return ParseError::ok;
}

ParseError parse_connect(std::string_view text, RequestTarget& target) {
  target.form = RequestTarget::Form::authority;
  if (!parse_authority(text, target.authority) || target.authority.port == 0) return ParseError::target_form;
  return ParseError::ok;
}

std::uint16_t port_or_default(const Authority& authority, std::string_view scheme) {
  if (authority.port != 0) return authority.port;
  if (ascii::iequals(scheme, "http")) return 80;
  return ascii::iequals(scheme, "https") ? 443 : 0;
}

bool same_place(const Authority& host, const RequestTarget& target) {
  return ascii::iequals(host.host, target.authority.host) &&
         port_or_default(host, target.scheme) == port_or_default(target.authority, target.scheme);
}

}  // namespace

ParseError parse_request_target(std::string_view method, std::string_view text, RequestTarget& target) {
  target = {};
  if (const auto error = judge_characters(text); error != ParseError::ok) return error;
  if (method == "CONNECT") return parse_connect(text, target);
  if (text.front() == '/') {
    parse_path(text, target);
    return ParseError::ok;
  }
  if (text == "*") {
    target.form = RequestTarget::Form::asterisk;
    return method == "OPTIONS" ? ParseError::ok : ParseError::target_form;
  }
  return parse_absolute(text, target);
}

std::optional<Authority> parse_host_field(std::string_view value) {
  Authority authority;
  if (!parse_authority(value, authority)) return std::nullopt;
  return authority;
}

ParseError judge_destination(std::string_view method, std::string_view text, const HeaderList& headers) {
  RequestTarget target;
  const bool only_path = text.starts_with('/') && method != "CONNECT";  // as most are: nothing to take apart
  const ParseError error = only_path ? judge_characters(text) : parse_request_target(method, text, target);
  if (error != ParseError::ok) return error;
  const Header* const host = headers.find(HeaderId::host);
  if (host == nullptr) return ParseError::ok;
  Authority authority;
  const bool may_be_empty = target.authority.host.empty();
  const bool valid = host->value.empty() ? may_be_empty : parse_authority(host->value, authority);
  if (!valid) return ParseError::invalid_host;
  const bool again = std::any_of(host + 1, headers.end(), [](const Header& line) { return line.id == HeaderId::host; });
  if (again) return ParseError::several_hosts;
  const bool named_twice = target.form == RequestTarget::Form::absolute;
  return named_twice && !same_place(authority, target) ? ParseError::host_differs : ParseError::ok;
}

}  // namespace culvert::wire
