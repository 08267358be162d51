// What the connections of one server borrow while they are busy.
#pragma once
#include "base/intrusive_list.hpp"
#include "base/slab.hpp"
#include "http/server_connection.hpp"
#include "wire/h1_writer.hpp"

namespace culvert {

struct Server::Shared {
  Slab<ServerTransaction> transactions;
  wire::HeadBuffer head;  // where heads are composed
  IntrusiveList<ServerConnection> open;
};

}  // namespace culvert
