#include "proxy/request_key.hpp"

#include <charconv>

#include "base/ascii.hpp"
#include "base/split_mix.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {

namespace {

// Calls with each part of `text` between `separator`s until it says true.
template <class Found>
bool any_part(std::string_view text, char separator, Found&& found) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (found(text.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
}

std::string_view query_value(std::string_view query, std::string_view name) {
  std::string_view value;
  any_part(query, '&', [&](std::string_view part) {
    const std::size_t equals = part.find('=');
    if (part.substr(0, equals) != name) return false;
    if (equals != std::string_view::npos) value = part.substr(equals + 1);
    return true;
  });
  return value;
}

std::string_view field_value(const HeaderList& headers, const std::string& name) {
  const Header* const line = headers.find(name);
  return line == nullptr ? std::string_view() : line->value;
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return split_mix(hash);
}

std::uint64_t client_key(const Endpoint& client) {
  const std::size_t bytes = client.family == Endpoint::Family::ipv4 ? 4 : client.address.size();
  return stable_hash({reinterpret_cast<const char*>(client.address.data()), bytes});
}

std::uint64_t hash_key(const config::HashOn& on, const RequestView& request) {
  using Kind = config::HashOn::Kind;
  switch (on.kind) {
    case Kind::client: return client_key(request.client);
    case Kind::path: return stable_hash(request.path);
    case Kind::query: return stable_hash(query_value(request.query, on.name));
    case Kind::header: return stable_hash(field_value(*request.headers, on.name));
    case Kind::cookie: return stable_hash(cookie(*request.headers, on.name).value_or(std::string_view()));
  }
  return 0;
}

// RFC 6265 4.2.1, of any number of fields (RFC 9113 8.2.3).
std::optional<std::string_view> cookie(const HeaderList& headers, std::string_view name) {
  for (const Header& line : headers) {
    if (line.id != HeaderId::cookie) continue;
    std::optional<std::string_view> value;
    any_part(line.value, ';', [&](std::string_view part) {
      while (part.starts_with(' ')) part.remove_prefix(1);
      const bool is_it = part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=';
      if (is_it) value = part.substr(name.size() + 1);
      return is_it;
    });
    if (value) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> affinity_of(const HeaderList& headers, const config::Affinity& settings) {
  const std::optional<std::string_view> value = cookie(headers, settings.cookie);
  if (!value) return std::nullopt;
  std::uint64_t id = 0;
  const char* const end = value->data() + value->size();
  const auto [read, error] = std::from_chars(value->data(), end, id, 16);
  if (error != std::errc() || read != end) return std::nullopt;
  return id;
}

std::string affinity_cookie(const config::Affinity& settings, std::uint64_t backend, bool secure) {
  char id[17];
  const auto [end, error] = std::to_chars(id, id + sizeof id, backend, 16);
  std::string text = settings.cookie + '=' + std::string(id, end) + "; Path=/; HttpOnly; SameSite=Lax";
  if (settings.max_age.count() != 0) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(settings.max_age);
    text += "; Max-Age=" + std::to_string(seconds.count());
  }
  if (secure) text += "; Secure";
  return text;
}

}  // namespace culvert::proxy
