// The seam between the message model and whatever carries bytes: TCP, Unix sockets, memory, a simulation, later TLS.
#pragma once
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "culvert/bytes.hpp"
#include "culvert/endpoint.hpp"
#include "culvert/error.hpp"
#include "culvert/peer_certificate.hpp"

namespace culvert {

// What a stream is ready for, and what its owner wants to hear about. A set of bits.
struct Ready {
  bool readable = false;  // bytes, or the end
  bool writable = false;  // room for bytes
  bool broken = false;  // reset or closed on both sides; told even to an owner that wants nothing
};
// The bits that an owner wants.
struct Interest {
  bool read = true;    // bytes, or the end
  bool write = false;  // room for bytes
  bool operator==(const Interest&) const = default;
};

// Who owns a stream.
class Watcher {
 public:
  // Called by the loop, on its thread, never from inside a call of the owner's. The one place that may close the object.
  virtual void on_ready(Ready ready) noexcept = 0;

 protected:
  ~Watcher() = default;
};

// What goes along with a stream until it is closed: what it is counted by, for example.
class Passenger {
 public:
  virtual ~Passenger() = default;
};

// A byte stream. Destroying it closes it at once: nothing is ever in flight into our memory. One loop, one thread.
class Transport {
 public:
  virtual ~Transport() = default;

  // Who hears about readiness from now on; reading is wanted at first. Again for another owner (CONNECT, Upgrade).
  virtual void attach(Watcher& watcher) = 0;
  // Applied at the end of the loop's turn, and only where it changed: calling it often costs nothing.
  virtual void want(Interest interest) = 0;

  // What has arrived, in the loop's scratch buffer: valid until the event handler returns. Empty: nothing yet.
  // errc::end_of_stream: the peer has finished sending (it may still read).
  virtual Result<Bytes> read() = 0;
  // Whether nothing has arrived that was not read, not even the end. Leaves it there, and the scratch buffer as it is: for
  // who is in the middle of another stream's bytes.
  virtual bool is_quiet() = 0;
  // How many bytes the kernel took; fewer than offered (also 0) means that the peer is slow. One gather-send.
  virtual Result<std::size_t> write(std::span<const iovec> parts) = 0;

  // Sends FIN after what was written: the peer sees the end of the stream, and may go on sending.
  virtual std::error_code shutdown_write() = 0;
  // From now on destruction resets the connection, so that the peer cannot mistake the end for a proper one.
  virtual void reset_on_close() = 0;
  // How an attempt to connect has ended, once the stream is writable for the first time; later: the pending error.
  virtual std::error_code take_error() = 0;
  // TCP's own options; they do nothing where there is no such thing. Probes of a quiet connection begin after
  // `idle_seconds`; 0: when the system thinks fit.
  virtual void set_no_delay(bool) {}
  virtual void set_keep_alive(bool /*on*/, int /*idle_seconds*/) {}
  // The descriptor behind it, to ask the kernel about; -1 where there is none.
  virtual int native_handle() const { return -1; }

  // The same where the bytes on it are the stream's own, so that the kernel may move them (splice); -1 where they are not.
  virtual int plain_handle() const { return -1; }

  // Family::none where it has none.
  virtual const Endpoint& local() const = 0;
  virtual const Endpoint& remote() const = 0;
  // Whoever is connected relays the stream of somebody else (PROXY protocol), whose addresses local() and remote() are
  // from now on. Does nothing where a stream has no addresses of its own.
  virtual void stand_for(const Endpoint& /*local*/, const Endpoint& /*remote*/) {}

  // By which the peer has proved who it is; null where nothing of the kind was asked for or shown.
  virtual std::shared_ptr<const PeerCertificate> peer_certificate() { return nullptr; }

  // Whether the peer was shown a certificate for `host` (lower case, without port); true where it was shown none.
  virtual bool speaks_for(std::string_view /*host*/) const { return true; }

  // Destroyed with the stream, after it was closed.
  void carry(std::unique_ptr<Passenger> passenger) { passenger_ = std::move(passenger); }

 private:
  std::unique_ptr<Passenger> passenger_;
};

}  // namespace culvert
