// What a request is told apart by: for the server that it goes to, which is always the same for the same key.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/upstream.hpp"
#include "culvert/headers.hpp"
#include "proxy/route.hpp"

namespace culvert::proxy {

// The same in every process. A request that does not have what is hashed on has the key of an empty text.
std::uint64_t hash_key(const config::HashOn& on, const RequestView& request);

// Of a client, wherever it connects from there.
std::uint64_t client_key(const Endpoint& client);

// The value of the first cookie of that name; none where there is none.
std::optional<std::string_view> cookie(const HeaderList& headers, std::string_view name);

// Which backend the client's cookie names.
std::optional<std::uint64_t> affinity_of(const HeaderList& headers, const config::Affinity& settings);
// The value of the Set-Cookie field that names it.
std::string affinity_cookie(const config::Affinity& settings, std::uint64_t backend, bool secure);

// Of a text, well mixed.
std::uint64_t stable_hash(std::string_view text);

}  // namespace culvert::proxy
