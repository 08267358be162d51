// If this fails, culvert believes a client that says it is another one, or forgets a trusted proxy's word.
//
// The input is the address of who is connected, then values of X-Forwarded-For, line by line. 10.0.0.0/8 and ::1 are
// trusted. A reading of its own joins the lines and goes from right to left.
#include <string>
#include <vector>

#include "base/arena.hpp"
#include "config/config.hpp"
#include "fuzz/target.hpp"
#include "proxy/rewrite.hpp"
#include "wire/header_names.hpp"

namespace culvert::fuzz {
namespace {

config::Forwarded settings() {
  config::Forwarded out;
  out.trust = {{*Endpoint::parse_ip("10.0.0.0"), 8}, {*Endpoint::parse_ip("::1"), 128}};
  return out;
}

bool is_trusted(const Endpoint& address) {
  const std::string text = address.ip();
  return text.starts_with("10.") || text.starts_with("::ffff:10.") || text == "::1";
}

std::string without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

Endpoint expected(const Endpoint& peer, const std::vector<std::string>& said) {
  Endpoint client = peer;
  for (auto item = said.rbegin(); item != said.rend() && is_trusted(client); ++item) {
    const auto address = Endpoint::parse_ip(*item);
    if (!address) return client;
    client = *address;
  }
  return client;
}

}  // namespace

void run(std::string_view input) {
  const auto peer = Endpoint::parse_ip(take_line(input), 4711);
  if (!peer) return;
  EXPECT_EQ(Endpoint::parse_ip(peer->ip(), 4711), peer) << peer->ip();
  BlockPool pool;
  Arena arena(pool);
  HeaderList headers;
  std::vector<std::string> said;
  while (!input.empty()) {
    const std::string value = without_blanks(take_line(input));
    headers.push(arena, {HeaderId::x_forwarded_for, "X-Forwarded-For", arena.copy(value)});
    if (value.empty()) continue;
    for (std::size_t at = 0; at < value.size();) {  // an empty item at the end of a line is none
      const std::size_t comma = std::min(value.find(',', at), value.size());
      said.push_back(without_blanks(std::string_view(value).substr(at, comma - at)));
      at = comma + 1;
    }
    if (value.ends_with(',')) said.emplace_back();
  }
  EXPECT_EQ(proxy::trusted(settings(), *peer), is_trusted(*peer)) << peer->ip();
  const Endpoint client = proxy::client_address(settings(), headers, *peer);
  EXPECT_EQ(client.ip(), expected(*peer, said).ip());
}

}  // namespace culvert::fuzz
