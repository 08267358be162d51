// One connection of a listener with mode = "tcp": its bytes go to a server of an upstream as they are, and back. Where the
// listener leads by name, what a TLS client says first is read on the way, and passed on with the rest.
//
//   start --> hello --> connecting --> relaying --> over
//     \---------------^  |      ^ |
//                        +-next-+ \--- late, no server left ---> over
//
// It is over once: its record is written, its owner told, and it is freed at the end of the turn.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ref.hpp"
#include "culvert/event.hpp"
#include "net/loop_entries.hpp"
#include "net/relay.hpp"
#include "proxy/failure.hpp"
#include "proxy/gateway.hpp"
#include "proxy/hello_peek.hpp"
#include "proxy/stream_policy.hpp"

namespace culvert::proxy {

// Its place among the streams of a worker.
struct StreamHook : ListHook {};

class Stream final : public StreamHook,
                     public Retired,
                     private HelloPeek::Owner,
                     private Upstream::Waiter,
                     private net::Relay::Owner {
 public:
  Stream(Gateway::State& gateway, Ref<StreamPolicy> policy, std::unique_ptr<Transport> client, Delegate<void()> on_over);
  ~Stream() override;

  // `first`: what somebody has read of it already.
  void start(Bytes first);
  // Ends it now; its record and on_over follow in this turn.
  void close();
  const StreamPolicy& policy() const { return *policy_; }
  std::uint64_t bytes_up() const { return relay_ ? relay_->bytes_up() : 0; }  // from the client
  std::uint64_t bytes_down() const { return relay_ ? relay_->bytes_down() : 0; }

 private:
  friend struct LoopEntries<Stream>;
  enum class Phase : std::uint8_t { hello, connecting, relaying, over };

  // One of its two ends, until they are the relay's.
  struct End final : Watcher {
    using Handler = void (Stream::*)(Ready);
    End(Stream& owner, Handler call) : stream(owner), handler(call) {}
    void on_ready(Ready ready) noexcept override { (stream.*handler)(ready); }
    Stream& stream;
    const Handler handler;
    std::unique_ptr<Transport> transport;
  };

  void on_hello(std::error_code error) noexcept override;
  void on_client(Ready ready);
  void on_server(Ready ready);
  void on_try_again() noexcept override;
  TimePoint on_due(TimePoint now) noexcept;
  void relay_ended(net::RelayEnd how, std::error_code cause) noexcept override;

  std::string_view server_name() const;
  void choose_upstream();
  void try_next_server();
  void connect(Backend& backend);
  void could_not_connect(std::error_code error);
  void connected();
  void end(Reason reason, std::error_code cause);
  void write_record();

  Gateway::State& gateway_;
  const Ref<StreamPolicy> policy_;
  Delegate<void()> on_over_;
  End client_{*this, &Stream::on_client};
  End server_{*this, &Stream::on_server};
  std::optional<net::Relay> relay_;
  std::optional<HelloPeek> peek_;  // where the listener leads by name; has the client's stream until it is done
  std::vector<std::byte> first_;   // of the client's bytes, read before there was a server
  Ref<Upstream> upstream_;
  BackendUse chosen_;                  // that was asked last
  TimePoint sent_{};                   // when
  const std::shared_ptr<const PeerCertificate> certificate_;  // of the client; null where it has shown none
  const Endpoint peer_;
  const Endpoint local_;
  const TimePoint began_;
  const WallTime began_wall_;
  TimePoint runs_out_ = never;         // of the phase
  std::uint64_t tried_ = 0;            // backends, a bit each
  std::uint32_t tries_ = 0;            // of servers
  Failure failure_;                    // of the server tried last, or of the whole
  Phase phase_ = Phase::hello;
  LoopEntries<Stream>::Due due_{*this};
};

}  // namespace culvert::proxy
