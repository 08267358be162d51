// What everything that drives a stream has in common: the loop's ways in, and which errors are its own.
#pragma once
#include <system_error>

#include "culvert/loop.hpp"

namespace culvert {

// The loop's three ways into a connection, each a small part of its own so that all can be in a list at once.
template <class Connection>
struct LoopEntries {
  struct Due final : Deadline {
    explicit Due(Connection& c) : connection(c) {}
    TimePoint on_due(TimePoint now) noexcept override { return connection.on_due(now); }
    Connection& connection;
  };
  struct Later final : Deferred {
    explicit Later(Connection& c) : connection(c) {}
    void on_deferred() noexcept override { connection.on_deferred(); }
    Connection& connection;
  };
  struct Sender final : Flushable {
    explicit Sender(Connection& c) : connection(c) {}
    void on_flush() noexcept override { connection.on_flush(); }
    Connection& connection;
  };
};

// Whether a connection ends for what happened on its way, which its socket tells; the other reasons are HTTP's.
inline bool is_of_the_network(std::error_code reason) { return reason.category() == std::system_category(); }

}  // namespace culvert
