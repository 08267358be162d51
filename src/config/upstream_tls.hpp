// Whether and how the servers of an upstream are spoken to by TLS: by the key "tls", and by URLs of servers.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/diagnostic.hpp"
#include "config/node.hpp"

namespace culvert::config {

bool is_https(std::string_view server);

// The addresses in an [upstream.NAME], as written.
std::vector<const Node*> servers_of(const Node& upstream);

// That all its servers agree, and that it can be checked who they are.
void check_upstream_tls(const Entry& upstream, Diagnostics& diagnostics);

// Of an [upstream.NAME] in which nothing is wrong; texts have taken the places of files.
std::optional<UpstreamTls> build_upstream_tls(const Node& upstream);

}  // namespace culvert::config
