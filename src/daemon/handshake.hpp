// A connection of a listener with tls, until hands are shaken. Until then it has no HTTP.
//
//   shaking --done--> served
//      \--- failed, late, gone, crowded out ---> closed
#pragma once
#include <memory>
#include <optional>
#include <system_error>

#include "culvert/loop.hpp"
#include "daemon/handshake_limit.hpp"
#include "net/loop_entries.hpp"
#include "net/tls_transport.hpp"
#include "proxy/failure.hpp"

namespace culvert::daemon {

class Handshake final : public ListHook, public Retired, public HandshakeLimit::Holder, private Watcher {
 public:
  class Host {
   public:
    // It is over and in no list any more. `first` is what the peer has sent behind its last word of it.
    virtual void shaken(std::unique_ptr<Transport> stream, Bytes first) = 0;
    // The stream that was to carry TLS is still open, and closed next.
    virtual void turned_away(Transport& stream, proxy::Reason reason, std::error_code cause) = 0;

   protected:
    ~Host() = default;
  };

  // `stream` has a session of `context`, which a reload may take from everybody else meanwhile.
  Handshake(Loop& loop, Host& host, HandshakeLimit& limit, std::unique_ptr<net::TlsTransport> stream,
            std::shared_ptr<const net::TlsServerContext> context);
  ~Handshake() override;

  // Of what was read before. It may be over afterwards.
  void start(Bytes first);
  // Closes it; nobody hears of it.
  void close();

 private:
  friend struct LoopEntries<Handshake>;

  void on_ready(Ready ready) noexcept override;
  TimePoint on_due(TimePoint now) noexcept;
  void give_way() override;
  void go_on(Result<bool> is_over);
  void fail(std::error_code cause);
  void turn_away(proxy::Reason reason, std::error_code cause);

  Loop& loop_;
  Host& host_;
  const std::shared_ptr<const net::TlsServerContext> context_;
  std::unique_ptr<net::TlsTransport> stream_;  // null once it is over
  std::optional<HandshakeLimit::Place> place_;  // until it is over
  const TimePoint runs_out_;
  LoopEntries<Handshake>::Due due_{*this};
  bool has_begun_ = false;
};

}  // namespace culvert::daemon
