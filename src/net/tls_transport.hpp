// TLS on another transport. Whoever has it sees the bytes inside, and nothing of the records, alerts and tickets around
// them. It holds no buffer of its own while nothing waits to be sent: what it works with is shared by all of a loop.
//
// Whoever has a server's end drives its handshake (shake_hands), for there is something to be decided in it. A client's end
// goes on by itself, from a wire that is still being connected to hands that are shaken, as if all this were to connect: it
// is writable or broken then, and take_error() says how it has ended.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ref.hpp"
#include "culvert/loop.hpp"
#include "culvert/outbox.hpp"
#include "culvert/transport.hpp"
#include "net/tls_context.hpp"
#include "net/tls_destination.hpp"

struct bio_st;
struct bio_method_st;

namespace culvert::net {

// What the TLS streams of one loop work with, each within one call of theirs.
class TlsBuffers final : public RefCounted {
 public:
  TlsBuffers();

  static constexpr std::size_t record_bytes = 16 * 1024;  // of plain text, at most (RFC 8446 5.1)
  // What one read brings, and what was left of a record before it.
  static constexpr std::size_t plain_bytes = Loop::scratch_bytes + 2 * record_bytes;
  // Sealed at a time, then sent.
  static constexpr std::size_t batch_bytes = 4 * record_bytes;

  std::unique_ptr<std::byte[]> plain;   // what was read, until the event handler returns
  std::unique_ptr<std::byte[]> record;  // small pieces on their way into one record
  std::vector<std::byte> sealed;        // on its way out
};

class TlsTransport final : public Transport, private Watcher {
 public:
  // A server's end, of a connected `wire`.
  TlsTransport(Loop& loop, Ref<TlsBuffers> buffers, std::unique_ptr<Transport> wire, SslSession session);
  // A client's, of one that is being connected. `alpn`: see TlsDestination::connect.
  TlsTransport(Loop& loop, Ref<TlsBuffers> buffers, std::unique_ptr<Transport> wire, Ref<TlsDestination> destination,
               std::string_view alpn);
  ~TlsTransport() override;

  // The handshake goes on with what has arrived: with `first`, which was read before, or with what is read now. Whether it
  // is over. Where it failed, the peer has been told.
  Result<bool> shake_hands(Bytes first);
  Result<bool> shake_hands();
  // What came behind the peer's last word of the handshake; see read().
  Result<Bytes> take_early();
  // For whoever has to speak without TLS.
  Transport& wire() { return *wire_; }

  void attach(Watcher& watcher) override;
  void want(Interest interest) override;
  Result<Bytes> read() override;
  bool is_quiet() override;
  Result<std::size_t> write(std::span<const iovec> parts) override;
  std::error_code shutdown_write() override;
  void reset_on_close() override;
  std::error_code take_error() override;
  void set_no_delay(bool on) override { wire_->set_no_delay(on); }
  void set_keep_alive(bool on, int idle_seconds) override { wire_->set_keep_alive(on, idle_seconds); }
  int native_handle() const override { return wire_->native_handle(); }
  const Endpoint& local() const override { return wire_->local(); }
  const Endpoint& remote() const override { return wire_->remote(); }
  void stand_for(const Endpoint& local, const Endpoint& remote) override { wire_->stand_for(local, remote); }
  std::shared_ptr<const PeerCertificate> peer_certificate() override;
  bool speaks_for(std::string_view host) const override;

 private:
  struct Again final : Deferred {
    explicit Again(TlsTransport& t) : transport(t) {}
    void on_deferred() noexcept override { transport.tell_again(); }
    TlsTransport& transport;
  };

  enum class Phase : std::uint8_t { dialling, shaking, open };

  void on_ready(Ready ready) noexcept override;
  void come_closer(Ready ready);
  void tell_again() noexcept;
  bool opens_by_itself() const { return destination_ && phase_ != Phase::open; }
  bool is_over() const { return peer_has_ended_ || failure_; }
  bool has_more() const { return is_over() || !early_.empty(); }
  Result<Bytes> unseal();
  std::error_code send_sealed();
  void update_interest();

  static const bio_method_st* bio_method();
  static int bio_read(bio_st* bio, char* to, std::size_t room, std::size_t* got);
  static int bio_write(bio_st* bio, const char* from, std::size_t size, std::size_t* taken);
  static long bio_control(bio_st* bio, int command, long number, void* pointer);

  Loop& loop_;
  Ref<TlsBuffers> buffers_;
  Ref<TlsDestination> destination_;  // of a client's end
  std::unique_ptr<Transport> wire_;
  SslSession session_;
  std::shared_ptr<const PeerCertificate> peer_certificate_;  // once somebody has asked
  Watcher* watcher_ = nullptr;
  Again again_{*this};
  Outbox pending_;       // sealed, and not taken by the wire
  Bytes incoming_;       // during a call: what the wire has brought
  std::vector<std::byte> early_;  // what a server has said as soon as it could, until somebody reads
  Interest wanted_;
  std::error_code failure_;
  Phase phase_ = Phase::shaking;
  bool has_opened_ = false;      // a client's end, and nobody has asked yet how that went
  bool holds_back_ = false;      // the next byte to be written is sealed already, and was not told to be taken
  bool peer_has_ended_ = false;  // by close_notify
  bool has_ended_ = false;       // so have we
  bool end_waits_ = false;       // for pending_
};

}  // namespace culvert::net
