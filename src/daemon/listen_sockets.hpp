// The addresses that the process listens on. Opened here, on the control thread, then given to the workers: one socket
// each with SO_REUSEPORT, otherwise one that all of them share. What was passed in for an address is used instead of another.
//
// A socket of an address that stays is never touched by a reload: closing one of several with SO_REUSEPORT would drop
// the connections in its queue.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include "config/config.hpp"
#include "daemon/inherited_sockets.hpp"
#include "net/listen_socket.hpp"

namespace culvert::daemon {

class ListenSockets {
 public:
  // What one worker accepts from.
  struct Entry {
    net::ListenSocket socket;
    bool shared = false;  // the other workers have the same
  };
  using OfWorker = std::map<std::string, Entry>;  // by Address::to_string()
  struct Opened {
    std::vector<OfWorker> of_worker;
    std::vector<std::string> errors;  // "cannot listen on 127.0.0.1:80: Address already in use [listener.web]"
  };

  // `inherited` may be null: there are none.
  ListenSockets(std::size_t workers, bool reuse_port, const InheritedSockets* inherited = nullptr)
      : workers_(workers), reuse_port_(reuse_port), inherited_(inherited) {}
  ~ListenSockets() { close_all(); }
  ListenSockets(const ListenSockets&) = delete;
  ListenSockets& operator=(const ListenSockets&) = delete;

  // Opens what `config` names and is not open yet, and tells everything that is in the way. Who does not use what was
  // opened drops it and says so by keep_only().
  Opened open_new(const config::Config& config);
  // The workers listen on the addresses of `config` and on nothing else, or have been told to.
  void keep_only(const config::Config& config);
  // The workers have been told to listen no more: removes the files of Unix sockets.
  void close_all();

 private:
  std::error_code open(const Address& address, std::vector<OfWorker>& of_worker);
  const net::ListenSocket* find_inherited(const Address& address) const;
  std::error_code share(const net::ListenSocket& socket, const std::string& address, std::vector<OfWorker>& of_worker) const;
  void remove_file(const Address& address) const;  // of a Unix socket that was opened here

  const std::size_t workers_;
  const bool reuse_port_;
  const InheritedSockets* const inherited_;
  std::map<std::string, Address> open_;  // by Address::to_string()
};

}  // namespace culvert::daemon
