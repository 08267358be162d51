// One origin of an agent, and what the agent lends to requests under way.
#pragma once
#include <string>
#include <vector>

#include "base/intrusive_list.hpp"
#include "base/slab.hpp"
#include "culvert/agent.hpp"
#include "http/client_connection.hpp"
#include "http/client_transaction.hpp"
#include "wire/h1_writer.hpp"

namespace culvert {

class Agent::Origin {
 public:
  Origin(std::string origin_name, Address where, std::string host)
      : name(std::move(origin_name)), address(std::move(where)), host_field(std::move(host)) {}

  const std::string name;        // getName()
  const Address address;
  const std::string host_field;  // what Host says where a request does not
  std::vector<ClientConnection*> free;     // in the order in which they became free
  IntrusiveList<WaitingHook> waiting;      // requests without a connection, first come first served
  std::size_t in_use = 0;
};

struct Agent::Shared {
  Slab<ClientTransaction> transactions;
  wire::HeadBuffer head;                   // where heads are composed
  IntrusiveList<ClientConnection> open;    // owned
  IntrusiveList<LiveHook> live;            // transactions, until they are finished
};

}  // namespace culvert
