// A connection of a listener with proxy_protocol: before anything else it says whose it is. Until then it has nobody's
// place in the limit of a client, and no HTTP.
//
//   waiting --header--> served as that client's
//      \--- denied, malformed, late, gone ---> closed
#pragma once
#include <memory>
#include <optional>
#include <system_error>

#include "culvert/loop.hpp"
#include "culvert/transport.hpp"
#include "daemon/handshake_limit.hpp"
#include "daemon/places.hpp"
#include "net/loop_entries.hpp"
#include "proxy/failure.hpp"
#include "wire/proxy_protocol.hpp"

namespace culvert::daemon {

class Arrival final : public ListHook, public Retired, public HandshakeLimit::Holder, private Watcher {
 public:
  class Host {
   public:
    // It is over and in no list any more. `stream` speaks for the client; `first`, in the scratch buffer, is what has come
    // behind the header.
    virtual void arrived(std::unique_ptr<Transport> stream, Bytes first) = 0;
    // The stream is still open, and closed next.
    virtual void turned_away(Transport& stream, proxy::Reason reason, std::error_code cause) = 0;

   protected:
    ~Host() = default;
  };

  // `places` go along with the stream. `handshakes` are those that it will be one of; null: it speaks without TLS.
  Arrival(Loop& loop, Host& host, std::unique_ptr<Transport> stream, Places& places, HandshakeLimit* handshakes,
          std::chrono::milliseconds timeout);
  ~Arrival() override;

  // Closes it; nobody hears of it.
  void close();

 private:
  friend struct LoopEntries<Arrival>;

  void on_ready(Ready ready) noexcept override;
  TimePoint on_due(TimePoint now) noexcept;
  void give_way() override;
  void read(Bytes bytes);
  void complete(Bytes rest);
  void turn_away(proxy::Reason reason, std::error_code cause);

  Loop& loop_;
  Host& host_;
  std::unique_ptr<Transport> stream_;  // null once it is over
  Places& places_;
  std::optional<HandshakeLimit::Place> place_;  // among the handshakes
  const TimePoint runs_out_;
  LoopEntries<Arrival>::Due due_{*this};
  bool has_begun_ = false;
  wire::ProxyHeaderReader reader_;
};

}  // namespace culvert::daemon
