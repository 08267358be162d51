// One listening socket of one worker. A stream that comes in needs a place in the process, one of its client's, one at its
// listener, and one among the worker's handshakes where TLS is spoken. Where there is none but the client's, it waits here,
// and those behind it in the kernel's queue; a client that has had all of his is turned away.
//
//   accepting --stream--> process place --> client's place --> listener place --> handshake's place --> served, accepting
//                             |                  `--> closed         |                    |
//                             `-------------- waiting ---------------+--------------------'   until try_again() finds room
#pragma once
#include <cstdint>
#include <memory>

#include "daemon/places.hpp"
#include "daemon/service.hpp"
#include "net/listener.hpp"

namespace culvert::daemon {

class Entrance {
 public:
  Entrance(net::EpollLoop& loop, net::ListenSocket socket, net::ListenerOptions options, Limits& limits,
           Service& service);
  ~Entrance();
  Entrance(const Entrance&) = delete;
  Entrance& operator=(const Entrance&) = delete;

  // As the configuration has it from now on: whom streams belong to, and how they send.
  void lead_to(Service& service, bool no_delay);
  // There may be room again.
  void try_again();

 private:
  enum class Step : std::uint8_t { accept, process_place, listener_place, handshake_place };

  void accepted(std::unique_ptr<Transport> stream);
  void cannot_accept(std::error_code error);
  void seek_places();
  void accept_more();

  Loop& loop_;
  Limits& limits_;
  Service* service_;
  std::unique_ptr<Transport> stream_;  // null while accepting
  Endpoint client_;                    // whose place it takes; none where a PROXY header is to say that
  Places* places_ = nullptr;           // of the stream, which carries them from its last step on
  Step step_ = Step::accept;
  bool waiting_ = false;  // known to the limit of `step_`
  Tally failures_;
  net::Listener listener_;
};

}  // namespace culvert::daemon
