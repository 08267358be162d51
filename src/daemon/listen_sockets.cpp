#include "daemon/listen_sockets.hpp"

#include <unistd.h>

#include <set>
#include <utility>

namespace culvert::daemon {

ListenSockets::Opened ListenSockets::open_new(const config::Config& config) {
  Opened opened{std::vector<OfWorker>(workers_), {}};
  for (const config::Listener& listener : config.listeners) {
    for (const Address& address : listener.addresses) {
      const std::string text = address.to_string();
      if (open_.contains(text)) continue;
      if (const std::error_code error = open(address, opened.of_worker)) {
        opened.errors.push_back("cannot listen on " + text + ": " + error.message() + " [listener." +
                                listener.name + "]");
      } else {
        open_.emplace(text, address);
      }
    }
  }
  return opened;
}

void ListenSockets::keep_only(const config::Config& config) {
  std::set<std::string> wanted;
  for (const config::Listener& listener : config.listeners) {
    for (const Address& address : listener.addresses) wanted.insert(address.to_string());
  }
  std::erase_if(open_, [&](const auto& entry) {
    if (wanted.contains(entry.first)) return false;
    remove_file(entry.second);
    return true;
  });
}

void ListenSockets::close_all() { keep_only({}); }

std::error_code ListenSockets::open(const Address& address, std::vector<OfWorker>& of_worker) {
  if (const net::ListenSocket* socket = find_inherited(address)) return share(*socket, address.to_string(), of_worker);
  const bool one_each = reuse_port_ && workers_ > 1 && address.kind == Address::Kind::ip;
  if (one_each) {
    // The kernel would let a second culvert share the port with the first: ask once as somebody who shares with nobody.
    const Result<net::ListenSocket> alone = net::ListenSocket::open(address);
    if (!alone) return alone.error();
  }
  const std::string text = address.to_string();
  for (std::size_t i = 0; i < workers_; ++i) {
    Result<net::ListenSocket> socket = i == 0 || one_each ? net::ListenSocket::open(address, {.reuse_port = one_each})
                                                          : of_worker.front().at(text).socket.dup();
    if (!socket) {
      for (OfWorker& sockets : of_worker) sockets.erase(text);
      if (i > 0) remove_file(address);
      return socket.error();
    }
    of_worker[i].emplace(text, Entry{std::move(*socket), !one_each && workers_ > 1});
  }
  return {};
}

const net::ListenSocket* ListenSockets::find_inherited(const Address& address) const {
  return inherited_ == nullptr ? nullptr : inherited_->find(address);
}

std::error_code ListenSockets::share(const net::ListenSocket& socket, const std::string& address,
                                     std::vector<OfWorker>& of_worker) const {
  for (OfWorker& sockets : of_worker) {
    Result<net::ListenSocket> copy = socket.dup();
    if (!copy) {
      for (OfWorker& each : of_worker) each.erase(address);
      return copy.error();
    }
    sockets.emplace(address, Entry{std::move(*copy), workers_ > 1});
  }
  return {};
}

void ListenSockets::remove_file(const Address& address) const {
  if (address.kind == Address::Kind::unix_path && find_inherited(address) == nullptr) ::unlink(address.text.c_str());
}

}  // namespace culvert::daemon
