// Listening sockets that the process was given by whoever has started it: those of systemd's socket units, by name
// (LISTEN_FDS, sd_listen_fds(3)). They stay open until the end, whoever uses them meanwhile: what a reload gives up,
// another may want.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "net/listen_socket.hpp"

namespace culvert::daemon {

class InheritedSockets {
 public:
  struct Bound {
    std::shared_ptr<const config::Config> config;
    std::vector<std::string> errors;
  };

  InheritedSockets() = default;  // none
  // Takes those that the environment tells of, and takes them out of it: before anything else is opened.
  static InheritedSockets from_environment();

  // The configuration with the addresses of the sockets that its listeners name ("fd:NAME"), of which there may be several
  // of one name.
  Bound bind(std::shared_ptr<const config::Config> config) const;
  // The one that is bound to `address`, or null.
  const net::ListenSocket* find(const Address& address) const;
  // Those that no listener of a bound configuration uses: "\"web\" (0.0.0.0:80)".
  std::vector<std::string> unused(const config::Config& config) const;

 private:
  struct Row {
    std::string name;
    net::ListenSocket socket;  // none where it does not listen
    Address address;
  };

  using Taken = std::map<std::string, std::string>;  // addresses, and the listeners that have them

  std::vector<std::string> add_addresses(config::Listener& listener, const std::string& name, Taken& taken) const;
  std::string why_none(std::string_view name) const;

  std::vector<Row> rows_;
  std::string why_empty_ = "none was (LISTEN_FDS is not set)";
};

}  // namespace culvert::daemon
