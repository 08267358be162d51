// [listener.NAME] with mode = "tcp": held by the streams that came in through it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.hpp"
#include "config/config.hpp"
#include "proxy/upstream.hpp"

namespace culvert::proxy {

struct StreamPolicy final : RefCounted {
  struct ByName {
    std::vector<config::HostPattern> names;
    Ref<Upstream> upstream;
  };

  // Where a TLS client that wants this server is led; empty: it names none. Null: nowhere.
  Ref<Upstream> upstream_for(std::string_view server_name) const {
    for (const ByName& row : by_name) {
      for (const config::HostPattern& pattern : row.names) {
        if (!server_name.empty() && pattern.matches(server_name)) return row.upstream;
      }
    }
    return rest;
  }

  std::string name;
  config::Server server;
  config::milliseconds idle_timeout{};
  std::vector<ByName> by_name;  // in order; not empty: a stream's ClientHello is read
  Ref<Upstream> rest;           // null: what matches none of them is refused
};

}  // namespace culvert::proxy
