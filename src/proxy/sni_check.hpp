// The beginning of a tunnel whose client has to name the tunnel's destination in its TLS ClientHello. It keeps both streams
// until that is judged: nothing goes to the destination before.
//
//   start() --> reading --> owner.on_checked(), once --> take_downstream(), take_upstream(), early()
//                     \---> refused: an alert tells the client, both streams are closed
#pragma once
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "config/tunnel.hpp"
#include "culvert/loop.hpp"
#include "culvert/socket.hpp"
#include "net/loop_entries.hpp"
#include "proxy/hello_peek.hpp"

namespace culvert::proxy {

// What a client says who wants a tunnel to `host`, as it was asked for: a name or an address. Reason::none: it may pass.
Reason judge_hello(const wire::ClientHello& hello, std::string_view host, config::EncryptedClientHello encrypted);

class SniCheck final : private HelloPeek::Owner, private Watcher {
 public:
  class Owner {
   public:
    // Reason::none: the streams are to be taken. Either way the check may be destroyed in it.
    virtual void on_checked(Reason reason, std::error_code cause) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // `settings` and `host` outlive the check.
  SniCheck(Loop& loop, Owner& owner, const config::Tunnel& settings, std::string_view host, BareStream downstream,
           BareStream upstream);
  SniCheck(const SniCheck&) = delete;
  SniCheck& operator=(const SniCheck&) = delete;

  // `first`: what somebody has read of the client's already.
  void start(Bytes first);
  // Refuses it for `reason`; both streams are reset.
  void stop(Reason reason) { refuse(reason, {}); }

  std::string_view server_name() const { return peek_.hello().server_name; }  // that the client has given
  const std::vector<std::byte>& early() const { return peek_.bytes(); }       // the client's, to be passed on
  BareStream take_downstream() { return peek_.take_stream(); }
  BareStream take_upstream() { return std::move(upstream_); }

 private:
  friend struct LoopEntries<SniCheck>;
  void on_hello(std::error_code error) noexcept override;
  void on_ready(Ready ready) noexcept override;
  void on_deferred() noexcept { owner_.on_checked(reason_, cause_); }
  void refuse(Reason reason, std::error_code cause);

  Loop& loop_;
  Owner& owner_;
  const config::Tunnel& settings_;
  const std::string_view host_;
  HelloPeek peek_;
  BareStream upstream_;
  LoopEntries<SniCheck>::Later later_{*this};
  Reason reason_ = Reason::none;
  std::error_code cause_;
};

}  // namespace culvert::proxy
