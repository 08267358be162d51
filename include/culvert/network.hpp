// The network as a program sees it: dialling, listening, names. Interfaces with a real and a test's implementation; none
// of their answers comes from inside the call that asked.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "culvert/endpoint.hpp"
#include "culvert/error.hpp"
#include "culvert/event.hpp"
#include "culvert/loop.hpp"
#include "culvert/transport.hpp"

namespace culvert {

// What Node calls the options of socket.connect(), as far as they concern the socket itself.
struct ConnectOptions {
  Endpoint local{};                   // localAddress and localPort: bind to it first; Family::none: wherever
  std::uint16_t local_port = 0;       // where `local` is none but the port matters
  bool no_delay = true;               // TCP_NODELAY
  bool keep_alive = false;            // SO_KEEPALIVE from the beginning
  int keep_alive_initial_delay_s = 0; // seconds before the first probe; 0: the system's

  bool operator==(const ConnectOptions&) const = default;
};

// Makes streams to addresses that are already resolved (kind ip or unix_path).
class Connector {
 public:
  virtual ~Connector() = default;
  // The stream is returned before it is connected: attach, want {read: false, write: true}, and ask take_error()
  // at the first on_ready. An error here is one that needs no waiting (no route, too many descriptors).
  virtual Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions& options) = 0;
  // Whether `address` is one of this machine's own.
  virtual bool is_local(const Endpoint& /*address*/) const { return false; }
};

// What Node calls the options of server.listen().
struct ListenOptions {
  Address address;      // kind ip (port 0: a free one) or unix_path
  int fd = -1;          // a socket that listens already, in place of an address; taken over
  int backlog = 511;       // connections that wait to be taken
  bool ipv6_only = false;  // an IPv6 address does not take IPv4 connections as well
  bool no_delay = true; // of accepted streams
};

// An open listening socket. Destroying it closes it, and removes the path of a Unix socket that it made.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  virtual Endpoint local() const = 0;  // with the port that was chosen
};

// Listens, and makes streams.
class Network : public Connector {
 public:
  using OnConnection = Delegate<void(std::unique_ptr<Transport>)>;  // a stream that was accepted
  using OnError = Delegate<void(std::error_code)>;                  // of listen()
  // `on_error` hears of connections that could not be taken for want of something (descriptors, memory).
  virtual Result<std::unique_ptr<Acceptor>> listen(const ListenOptions& options, OnConnection on_connection,
                                                   OnError on_error) = 0;
};

using Endpoints = std::vector<Endpoint>;  // of a name, in the order of preference

// What Node calls the options of dns.lookup().
struct LookupOptions {
  int family = 0;  // 4 or 6: only such addresses; 0: both
  int hints = 0;   // flags of getaddrinfo (AI_ADDRCONFIG, AI_V4MAPPED, AI_ALL)
};

// One of the hosts that a name leads to: itself, or, where it is that of a service, a target of an SRV record (RFC 2782).
struct NamedHost {
  std::string host;            // its name
  std::uint16_t port = 0;      // where it listens
  std::uint16_t priority = 0;  // the lowest are asked first
  std::uint16_t weight = 0;    // its share among those of one priority
  Endpoints endpoints;         // with its port; empty: they could not be found
};

// Where a name leads, for whoever keeps the answer.
struct Whereabouts {
  std::vector<NamedHost> hosts;                  // the lowest priority first
  std::optional<std::chrono::seconds> lifetime;  // of what was found (TTL); none: nobody says
};

// A question about a name, shared between the loop that asked and the lookup under way, since either may end
// first. `done` is touched on the loop's thread only.
template <class Answer>
struct QuestionFor {
  Loop& loop;          // that asked
  std::uint16_t port;  // of the endpoints that are found
  Delegate<void(Result<Answer>)> done;  // empty: nobody waits any more
};
using Question = QuestionFor<Endpoints>;        // for a name's addresses
using WhereQuestion = QuestionFor<Whereabouts>;  // for where a name leads

// Somebody's wait for an answer. Destroying or replacing it drops the callback.
template <class Answer>
class ResolutionOf {
 public:
  ResolutionOf() = default;
  explicit ResolutionOf(std::shared_ptr<QuestionFor<Answer>> question) : question_(std::move(question)) {}  // by the resolver
  ResolutionOf(ResolutionOf&& other) noexcept = default;
  ResolutionOf& operator=(ResolutionOf&& other) noexcept {
    drop();
    question_ = std::move(other.question_);
    return *this;
  }
  ~ResolutionOf() { drop(); }
  // Whether an answer is still awaited or just being given.
  explicit operator bool() const { return question_ != nullptr; }

 private:
  void drop() {
    if (question_ != nullptr) question_->done.clear();
    question_.reset();
  }
  std::shared_ptr<QuestionFor<Answer>> question_;
};
using Resolution = ResolutionOf<Endpoints>;         // of Resolver::resolve()
using WhereResolution = ResolutionOf<Whereabouts>;  // of Resolver::locate()

// Who knows names.
class Resolver {
 public:
  using Done = Delegate<void(Result<Endpoints>)>;  // never called from inside resolve()
  using WhereDone = Delegate<void(Result<Whereabouts>)>;  // never called from inside locate()
  virtual ~Resolver() = default;
  // On the thread of `loop`. The endpoints carry `port`; at least one, in the order of preference, or an error
  // (errc::name_not_found where the name has no address).
  virtual Resolution resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions& options,
                             Done done) = 0;
  // The same for who keeps the answer, and for services as well (`address` of kind name or service). At least one host has
  // an endpoint. By default what resolve() finds, with no lifetime; it knows no services.
  virtual WhereResolution locate(Loop& loop, const Address& address, const LookupOptions& options, WhereDone done);
};

}  // namespace culvert
