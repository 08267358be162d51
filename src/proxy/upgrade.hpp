// A change of protocol (Upgrade, RFC 9110 7.8), which is between two peers: what a client wants to change to is asked of
// the upstream anew, and only what was asked for is changed to.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "culvert/headers.hpp"
#include "culvert/incoming_message.hpp"

namespace culvert::proxy {

// Those of `allowed` that the client wants to change to, in its order and spelling; empty where there are none.
std::string_view wanted_protocols(const IncomingMessage& request, const std::vector<std::string>& allowed,
                                  Arena& arena);
// Whether `headers`, of an answer with 101, change to one that was `asked` for.
bool changes_to(const HeaderList& headers, std::string_view asked);

// Makes `lines` those of a request that asks to change to `protocols`.
void ask_to_change(std::vector<Header>& lines, std::string_view protocols);
// Makes `lines` those of the answer that changes as `headers` do.
void tell_of_change(std::vector<Header>& lines, const HeaderList& headers);

}  // namespace culvert::proxy
