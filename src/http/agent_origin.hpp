// The tables of an agent: one origin, a connection that is being made, and what belongs to the whole.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/intrusive_list.hpp"
#include "base/ref.hpp"
#include "culvert/agent.hpp"
#include "http/client_connection.hpp"
#include "http/client_transaction.hpp"
#include "http/idle_limit.hpp"
#include "net/tls_destination.hpp"

namespace culvert {

// Host as RFC 9110 7.2 wants it: an IPv6 address in brackets, the default port left out.
std::string host_field_of(std::string_view host, std::uint16_t port, std::uint16_t default_port);

class Agent::Origin {
 public:
  Origin(std::string origin_name, Address where, std::string asked_host, std::string field,
         Ref<net::TlsDestination> by_tls)
      : name(std::move(origin_name)),
        address(std::move(where)),
        host(std::move(asked_host)),
        host_field(std::move(field)),
        tls(std::move(by_tls)) {}

  // A request waits for a place, or does so no longer.
  void enqueue(WaitingHook& request) {
    waiting.push_back(request);
    ++pending;
  }
  void dequeue(WaitingHook& request) {
    if (!request.linked()) return;
    request.unlink();
    --pending;
  }

  const std::string name;        // get_name()
  const Address address;
  const std::string host;        // as asked for
  const std::string host_field;  // what Host says where a request does not
  const Ref<net::TlsDestination> tls;      // null: without
  std::vector<ClientConnection*> free;     // in the order in which they became free
  IntrusiveList<WaitingHook> waiting;      // requests without a connection, first come first served
  std::size_t pending = 0;                 // of them
  std::size_t in_use = 0;                  // connections that carry a request, or are being made for one
  std::size_t users = 0;                   // transactions and connections that refer to it
  IdleLimit idle_limit;                    // of free connections, where the agent learns it
  std::size_t kept = 0;                    // times that somebody outside has it (Agent::origin)
};

// A connection that create_connection() is making for a request; outlives whichever of agent, request and maker ends
// first.
struct ConnectionCreated::Pending final : RefCounted {
  Pending(Agent& making, ClientTransaction& waiting) : agent(making), transaction(&waiting) {}
  Agent& agent;                    // valid while there is a transaction
  ClientTransaction* transaction;  // null once one result has counted, or nobody waits any more
  Resolution lookup;
};

struct Agent::Tables {
  std::map<std::string, std::unique_ptr<Origin>, std::less<>> origins;
  IntrusiveList<ClientConnection> open;  // owned
  IntrusiveList<LiveHook> live;          // transactions, until they are finished
  Delegate<void()> on_idle;              // nothing is open or under way (an agent of one request)
};

}  // namespace culvert
