#include "support/memory_network.hpp"

#include <algorithm>
#include <deque>
#include <tuple>
#include <utility>

#include "support/duplex.hpp"

namespace culvert::test {

namespace {
constexpr Endpoint unix_end{.family = Endpoint::Family::unix_socket};
}

struct MemoryNetwork::Place {
  Address address;
  bool ipv6_only;
  bool no_delay;
  OnConnection on_connection;
  std::deque<std::unique_ptr<Duplex>> queue;  // connected, not yet accepted
  bool closed = false;

  // Whether connections to `to` arrive here.
  bool hears(const Address& to) const {
    if (address.kind != to.kind) return false;
    if (address.kind == Address::Kind::unix_path) return address.text == to.text;
    if (address.ip == to.ip) return true;
    const bool anywhere = address.ip.address == decltype(address.ip.address){};
    const bool both_families = address.ip.family == Endpoint::Family::ipv6 && !ipv6_only;
    return address.ip.port == to.ip.port && anywhere && (address.ip.family == to.ip.family || both_families);
  }

  // `endpoint` as a socket of this place's family sees it.
  Endpoint seen_from_here(const Endpoint& endpoint) const {
    if (address.ip.family != Endpoint::Family::ipv6 || endpoint.family != Endpoint::Family::ipv4) return endpoint;
    Endpoint mapped{.family = Endpoint::Family::ipv6, .port = endpoint.port};
    mapped.address[10] = mapped.address[11] = 0xff;
    std::copy_n(endpoint.address.begin(), 4, mapped.address.begin() + 12);
    return mapped;
  }

  void accept_one() {
    if (closed) return;
    std::unique_ptr<Duplex> stream = std::move(queue.front());
    queue.pop_front();
    on_connection(std::move(stream));
  }

  void close() {
    closed = true;
    for (const std::unique_ptr<Duplex>& stream : queue) stream->reset_on_close();
    queue.clear();
  }
};

class MemoryNetwork::MemoryAcceptor final : public Acceptor {
 public:
  explicit MemoryAcceptor(std::shared_ptr<Place> place) : place_(std::move(place)) {}
  ~MemoryAcceptor() override { place_->close(); }
  Endpoint local() const override {
    if (place_->address.kind == Address::Kind::unix_path) return unix_end;
    return place_->address.ip;
  }

 private:
  const std::shared_ptr<Place> place_;  // shared with the connections on their way to it
};

MemoryNetwork::MemoryNetwork(ManualLoop& loop, const Endpoint& peers_at, OnConnection on_peer, bool trickle)
    : loop_(loop), peers_at_(peers_at), on_peer_(std::move(on_peer)), trickle_(trickle) {}

MemoryNetwork::~MemoryNetwork() = default;

Result<std::unique_ptr<Transport>> MemoryNetwork::connect(const Address& address, const ConnectOptions& options) {
  if (const std::error_code error = check(address)) return error;
  const bool ip = address.kind == Address::Kind::ip;
  const bool to_peer = ip && address.ip == peers_at_;
  const std::shared_ptr<Place> place = place_at(address);
  if (!ip && place == nullptr) return std::make_error_code(std::errc::no_such_file_or_directory);

  const Duplex::Ends near{near_end(address, options), ip ? address.ip : unix_end};
  std::unique_ptr<Duplex> dialled;
  if (place != nullptr) {
    const Duplex::Ends far{place->seen_from_here(near.remote), place->seen_from_here(near.local)};
    std::unique_ptr<Duplex> accepted;
    std::tie(dialled, accepted) = Duplex::pair(loop_, near, far);
    if (ip) accepted->set_no_delay(place->no_delay);
    if (trickle_) accepted->trickle();
    place->queue.push_back(std::move(accepted));
    loop_.post([place] { place->accept_one(); });
  } else if (to_peer) {
    std::unique_ptr<Duplex> peer;
    std::tie(dialled, peer) = Duplex::pair(loop_, near, {near.remote, near.local});
    on_peer_(std::move(peer));
  } else {
    dialled = Duplex::refused(loop_, near);
  }
  if (ip) {
    dialled->set_no_delay(options.no_delay);
    dialled->set_keep_alive(options.keep_alive, options.keep_alive_initial_delay_s);
  }
  if (trickle_) dialled->trickle();
  return std::unique_ptr<Transport>(std::move(dialled));
}

Result<std::unique_ptr<Acceptor>> MemoryNetwork::listen(const ListenOptions& options, OnConnection on_connection,
                                                        OnError /*on_error*/) {
  if (options.fd >= 0) return std::make_error_code(std::errc::bad_file_descriptor);
  if (const std::error_code error = check(options.address)) return error;
  auto place = std::make_shared<Place>(Place{.address = options.address,
                                             .ipv6_only = options.ipv6_only,
                                             .no_delay = options.no_delay,
                                             .on_connection = std::move(on_connection)});
  if (place->address.kind == Address::Kind::ip && place->address.ip.port == 0) {
    do {
      place->address.ip.port = next_port_++;
    } while (taken(*place));
  } else if (taken(*place)) {
    return std::make_error_code(std::errc::address_in_use);
  }
  places_.push_back(place);
  return std::unique_ptr<Acceptor>(std::make_unique<MemoryAcceptor>(std::move(place)));
}

// As the kernel's addresses have it: a name is none, and neither is nothing at all.
std::error_code MemoryNetwork::check(const Address& address) {
  const bool ip = address.ip.family == Endpoint::Family::ipv4 || address.ip.family == Endpoint::Family::ipv6;
  if (address.kind == Address::Kind::ip && ip) return {};
  if (address.kind == Address::Kind::unix_path && !address.text.empty()) return {};
  return std::make_error_code(std::errc::invalid_argument);
}

std::shared_ptr<MemoryNetwork::Place> MemoryNetwork::place_at(const Address& address) {
  std::erase_if(places_, [](const auto& place) { return place->closed; });
  const auto found = std::ranges::find_if(places_, [&](const auto& place) { return place->hears(address); });
  return found == places_.end() ? nullptr : *found;
}

bool MemoryNetwork::taken(const Place& wanted) const {
  const Address peers = Address::of(peers_at_);
  return wanted.hears(peers) || std::ranges::any_of(places_, [&](const auto& place) {
    return !place->closed && (place->hears(wanted.address) || wanted.hears(place->address));
  });
}

Endpoint MemoryNetwork::near_end(const Address& address, const ConnectOptions& options) {
  if (address.kind == Address::Kind::unix_path) return unix_end;
  Endpoint end = options.local;
  if (end.port == 0) end.port = options.local_port;
  if (end.family == Endpoint::Family::none) {
    const bool v6 = address.ip.family == Endpoint::Family::ipv6;
    end = *Endpoint::parse_ip(v6 ? "::1" : "127.0.0.1", end.port);
  }
  if (end.port == 0) end.port = next_client_port_++;
  return end;
}

}  // namespace culvert::test
