#include "proxy/upgrade.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {

namespace {

// Calls `call` with each protocol that the Upgrade fields name.
template <class Call>
void each_protocol(const HeaderList& headers, const Call& call) {
  for (const Header& line : headers) {
    if (line.id != HeaderId::upgrade) continue;
    for (std::string_view rest = line.value; !rest.empty();) {
      if (const std::string_view protocol = ascii::take_member(rest); !protocol.empty()) call(protocol);
    }
  }
}

void erase(std::vector<Header>& lines, HeaderId id) {
  std::erase_if(lines, [id](const Header& line) { return line.id == id; });
}

Header line_of(HeaderId id, std::string_view value) { return {id, wire::spelling(id), value}; }

}  // namespace

std::string_view wanted_protocols(const IncomingMessage& request, const std::vector<std::string>& allowed,
                                  Arena& arena) {
  const HeaderList& headers = request.raw_headers();
  if (request.http_version_minor() == 0 || !headers.has_token(HeaderId::connection, "upgrade")) return {};
  std::string wanted;
  each_protocol(headers, [&](std::string_view protocol) {
    const auto is_it = [&](const std::string& name) { return ascii::iequals(name, protocol); };
    if (std::ranges::any_of(allowed, is_it)) wanted.append(wanted.empty() ? "" : ", ").append(protocol);
  });
  return arena.copy(wanted);
}

bool changes_to(const HeaderList& headers, std::string_view asked) {
  bool named = false;
  bool all_asked_for = true;
  each_protocol(headers, [&](std::string_view protocol) {
    named = true;
    all_asked_for = all_asked_for && ascii::list_contains(asked, protocol);
  });
  return named && all_asked_for && headers.has_token(HeaderId::connection, "upgrade");
}

void ask_to_change(std::vector<Header>& lines, std::string_view protocols) {
  const bool with_te = std::ranges::any_of(lines, [](const Header& line) { return line.id == HeaderId::te; });
  erase(lines, HeaderId::connection);
  lines.push_back(line_of(HeaderId::connection, with_te ? "Upgrade, TE" : "Upgrade"));
  lines.push_back(line_of(HeaderId::upgrade, protocols));
}

void tell_of_change(std::vector<Header>& lines, const HeaderList& headers) {
  erase(lines, HeaderId::content_length);  // what follows is no content
  erase(lines, HeaderId::trailer);
  lines.push_back(line_of(HeaderId::connection, "Upgrade"));
  for (const Header& line : headers) {
    if (line.id == HeaderId::upgrade) lines.push_back(line);
  }
}

}  // namespace culvert::proxy
