#include "net/tls_transport.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "culvert/error.hpp"
#include "net/peer_certificate.hpp"
#include "net/tls_error.hpp"

namespace culvert::net {

namespace {

// A connection that ends without close_notify may have been cut by anybody.
std::error_code cut() { return {ECONNRESET, std::system_category()}; }
std::error_code cut_while_shaking() { return errc::tls_disconnected; }

// Goes through the parts of a write in pieces that each become a record.
class Pieces {
 public:
  explicit Pieces(std::span<const iovec> parts) : parts_(parts) { skip_empty(); }
  bool empty() const { return parts_.empty(); }
  void skip(std::size_t bytes) { advance(bytes); }  // of the first

  // As it lies there, where that fills a record or is all there is; else gathered in `record`.
  Bytes next(std::byte* record) {
    const Bytes here = rest_of_first();
    if (here.size() >= TlsBuffers::record_bytes || parts_.size() == 1) {
      const Bytes piece = here.first(std::min(here.size(), TlsBuffers::record_bytes));
      advance(piece.size());
      return piece;
    }
    std::size_t size = 0;
    while (!parts_.empty() && size < TlsBuffers::record_bytes) {
      const Bytes part = rest_of_first();
      const std::size_t taken = std::min(part.size(), TlsBuffers::record_bytes - size);
      std::memcpy(record + size, part.data(), taken);
      size += taken;
      advance(taken);
    }
    return {record, size};
  }

 private:
  Bytes rest_of_first() const {
    const iovec& first = parts_.front();
    return Bytes(static_cast<const std::byte*>(first.iov_base), first.iov_len).subspan(used_);
  }
  void advance(std::size_t bytes) {
    used_ += bytes;
    skip_empty();
  }
  void skip_empty() {
    while (!parts_.empty() && used_ == parts_.front().iov_len) {
      parts_ = parts_.subspan(1);
      used_ = 0;
    }
  }

  std::span<const iovec> parts_;
  std::size_t used_ = 0;  // of the first
};

}  // namespace

TlsBuffers::TlsBuffers()
    : plain(std::make_unique<std::byte[]>(plain_bytes)), record(std::make_unique<std::byte[]>(record_bytes)) {
  sealed.reserve(batch_bytes + record_bytes);
}

TlsTransport::TlsTransport(Loop& loop, Ref<TlsBuffers> buffers, std::unique_ptr<Transport> wire,
                           Ref<TlsDestination> destination, std::string_view alpn)
    : TlsTransport(loop, std::move(buffers), std::move(wire), destination->connect(alpn)) {
  destination_ = std::move(destination);
  phase_ = Phase::dialling;
}

TlsTransport::TlsTransport(Loop& loop, Ref<TlsBuffers> buffers, std::unique_ptr<Transport> wire, SslSession session)
    : loop_(loop),
      buffers_(std::move(buffers)),
      wire_(std::move(wire)),
      session_(std::move(session)),
      pending_(loop.blocks()) {
  BIO* const bio = BIO_new(bio_method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(session_.get(), bio, bio);
}

// The peer is told that this is the end, if it can be told at once.
TlsTransport::~TlsTransport() {
  if (phase_ != Phase::open || has_ended_ || failure_ || !pending_.empty()) return;
  SSL_shutdown(session_.get());
  (void)send_sealed();
}

// ---- the handshake ------------------------------------------------------------------------------------------------

Result<bool> TlsTransport::shake_hands() {
  Result<Bytes> got = wire_->read();
  if (!got) return got.error();
  return shake_hands(*got);
}

Result<bool> TlsTransport::shake_hands(Bytes first) {
  incoming_ = first;
  ERR_clear_error();
  const int how = SSL_do_handshake(session_.get());
  const bool waits = how != 1 && SSL_get_error(session_.get(), how) == SSL_ERROR_WANT_READ;
  if (how != 1 && !waits) failure_ = take_handshake_error(*session_);
  if (const std::error_code error = send_sealed(); error && !failure_) failure_ = error;
  if (failure_) return failure_;
  if (how == 1) phase_ = Phase::open;
  return how == 1;
}

// A client's end, until it is open or has failed.
void TlsTransport::come_closer(Ready ready) {
  if (phase_ == Phase::dialling) {
    if (!ready.writable && !ready.broken) return;
    failure_ = wire_->take_error();
    if (!failure_) {
      phase_ = Phase::shaking;
      (void)shake_hands(Bytes{});
    }
  } else if (ready.readable || ready.broken) {
    Result<Bytes> got = wire_->read();
    if (!got) {
      failure_ = got.error() == errc::end_of_stream ? cut_while_shaking() : got.error();
    } else if (Result<bool> done = shake_hands(*got); done && *done) {
      has_opened_ = true;
      if (Result<Bytes> early = take_early()) early_.assign(early->begin(), early->end());
    }
  }
}

// Whatever has happened to the wire since hands were shaken, the peer may have said why: that is to be read first.
std::error_code TlsTransport::take_error() {
  if (failure_) return failure_;
  return std::exchange(has_opened_, false) ? std::error_code() : wire_->take_error();
}

std::shared_ptr<const PeerCertificate> TlsTransport::peer_certificate() {
  if (peer_certificate_ == nullptr && phase_ == Phase::open) peer_certificate_ = read_peer_certificate(*session_);
  return peer_certificate_;
}

bool TlsTransport::speaks_for(std::string_view host) const { return shows_certificate_for(*session_, host); }

Result<Bytes> TlsTransport::take_early() { return incoming_.empty() ? Result<Bytes>(Bytes{}) : unseal(); }

// ---- bytes --------------------------------------------------------------------------------------------------------

void TlsTransport::attach(Watcher& watcher) {
  watcher_ = &watcher;
  wire_->attach(*this);
  want({});
}

void TlsTransport::want(Interest interest) {
  wanted_ = interest;
  update_interest();
  if (wanted_.read && has_more()) loop_.defer(again_);  // the wire itself may stay silent
}

void TlsTransport::update_interest() {
  if (phase_ == Phase::dialling) return wire_->want({.read = false, .write = true});
  if (opens_by_itself()) return wire_->want({.read = true, .write = !pending_.empty()});
  wire_->want({.read = wanted_.read && !is_over(), .write = wanted_.write || !pending_.empty()});
}

void TlsTransport::on_ready(Ready ready) noexcept {
  if (ready.writable && !pending_.empty()) {
    if (const std::error_code error = pending_.flush(*wire_)) failure_ = error;
    if (pending_.empty() && std::exchange(end_waits_, false)) (void)wire_->shutdown_write();
  }
  if (opens_by_itself()) {
    if (!failure_) come_closer(ready);
    ready = {.readable = has_more(), .writable = phase_ == Phase::open, .broken = static_cast<bool>(failure_)};
  }
  update_interest();
  ready.readable = (ready.readable || failure_) && wanted_.read;
  ready.writable = ready.writable && wanted_.write && pending_.empty();
  if (ready.readable || ready.writable || ready.broken) watcher_->on_ready(ready);  // who may destroy this
}

void TlsTransport::tell_again() noexcept {
  if (wanted_.read) watcher_->on_ready({.readable = true});
}

Result<Bytes> TlsTransport::read() {
  if (!early_.empty()) {
    std::ranges::copy(early_, buffers_->plain.get());
    const Bytes early(buffers_->plain.get(), early_.size());
    early_ = {};
    if (is_over() && watcher_ != nullptr) want(wanted_);
    return early;
  }
  if (failure_) return failure_;
  if (peer_has_ended_) return errc::end_of_stream;
  Result<Bytes> got = wire_->read();
  if (!got) return got.error() == errc::end_of_stream ? cut() : got.error();
  if (got->empty()) return Bytes{};
  incoming_ = *got;
  return unseal();
}

// What lies on the wire may be of no concern to whoever reads here (a ticket); that is not known before it is read.
bool TlsTransport::is_quiet() { return !has_more() && wire_->is_quiet(); }

// All that has arrived: what cannot be read yet lies in OpenSSL's buffer.
Result<Bytes> TlsTransport::unseal() {
  std::size_t size = 0;
  for (;;) {
    ERR_clear_error();
    std::size_t got = 0;
    const int how = SSL_read_ex(session_.get(), buffers_->plain.get() + size, TlsBuffers::plain_bytes - size, &got);
    size += got;
    if (how == 1) continue;
    const int why = SSL_get_error(session_.get(), how);
    peer_has_ended_ = why == SSL_ERROR_ZERO_RETURN;
    if (!peer_has_ended_ && why != SSL_ERROR_WANT_READ) failure_ = take_tls_error();
    break;
  }
  incoming_ = {};
  if (const std::error_code error = send_sealed(); error && !failure_) failure_ = error;  // an alert, a new key
  if (size == 0 && failure_) return failure_;
  if (size == 0 && peer_has_ended_) return errc::end_of_stream;
  if (is_over() && watcher_ != nullptr) want(wanted_);
  return Bytes(buffers_->plain.get(), size);
}

Result<std::size_t> TlsTransport::write(std::span<const iovec> parts) {
  if (failure_) return failure_;
  std::size_t taken = 0;
  Pieces pieces(parts);
  if (holds_back_ && pending_.empty() && !pieces.empty()) {
    pieces.skip(++taken);
    holds_back_ = false;
  }
  while (!pieces.empty() && pending_.empty()) {
    for (const std::size_t before = taken; !pieces.empty() && taken - before < TlsBuffers::batch_bytes;) {
      const Bytes piece = pieces.next(buffers_->record.get());
      std::size_t sealed = 0;
      ERR_clear_error();
      if (SSL_write_ex(session_.get(), piece.data(), piece.size(), &sealed) != 1) {
        failure_ = take_tls_error();
        buffers_->sealed.clear();
        return failure_;
      }
      taken += sealed;
    }
    if (const std::error_code error = send_sealed()) return error;
  }
  // Whoever hears that all was taken may close the stream. Until the wire has taken it, the last byte is still his.
  if (!pending_.empty() && taken > 0) {
    holds_back_ = true;
    --taken;
  }
  return taken;
}

// What the wire does not take waits in pending_.
std::error_code TlsTransport::send_sealed() {
  std::vector<std::byte>& sealed = buffers_->sealed;
  if (sealed.empty()) return {};
  std::size_t sent = 0;
  if (pending_.empty()) {
    const iovec all{.iov_base = sealed.data(), .iov_len = sealed.size()};
    Result<std::size_t> result = wire_->write({&all, 1});
    if (!result) {
      sealed.clear();
      return result.error();
    }
    sent = *result;
  }
  if (sent < sealed.size()) {
    pending_.copy(Bytes(sealed).subspan(sent));
    update_interest();
  }
  sealed.clear();
  return {};
}

std::error_code TlsTransport::shutdown_write() {
  if (std::exchange(has_ended_, true)) return {};
  ERR_clear_error();
  SSL_shutdown(session_.get());
  if (const std::error_code error = send_sealed()) return error;
  if (pending_.empty()) return wire_->shutdown_write();
  end_waits_ = true;
  return {};
}

void TlsTransport::reset_on_close() {
  has_ended_ = true;
  wire_->reset_on_close();
}

// ---- OpenSSL's way to the wire --------------------------------------------------------------------------------------

const bio_method_st* TlsTransport::bio_method() {
  static const bio_method_st* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "culvert");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_read_ex(made, &TlsTransport::bio_read);
    BIO_meth_set_write_ex(made, &TlsTransport::bio_write);
    BIO_meth_set_ctrl(made, &TlsTransport::bio_control);
    return made;
  }();
  return method;
}

int TlsTransport::bio_read(bio_st* bio, char* to, std::size_t room, std::size_t* got) {
  Bytes& incoming = static_cast<TlsTransport*>(BIO_get_data(bio))->incoming_;
  BIO_clear_retry_flags(bio);
  *got = std::min(room, incoming.size());
  if (*got == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  std::memcpy(to, incoming.data(), *got);
  incoming = incoming.subspan(*got);
  return 1;
}

int TlsTransport::bio_write(bio_st* bio, const char* from, std::size_t size, std::size_t* taken) {
  std::vector<std::byte>& sealed = static_cast<TlsTransport*>(BIO_get_data(bio))->buffers_->sealed;
  const auto* const bytes = reinterpret_cast<const std::byte*>(from);
  sealed.insert(sealed.end(), bytes, bytes + size);
  *taken = size;
  return 1;
}

long TlsTransport::bio_control(bio_st*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

}  // namespace culvert::net
