#include "support/duplex.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace culvert::test {

struct Duplex::Way {
  std::string bytes;
  std::size_t taken = 0;   // of bytes
  bool finished = false;   // the writer sends no more
  bool abandoned = false;  // the reader is gone
  std::error_code error;   // the connection is broken, as the reader sees it

  std::size_t size() const { return bytes.size() - taken; }
  void discard() {
    bytes.clear();
    taken = 0;
  }
  Bytes take(std::size_t most, std::span<std::byte> to) {
    const std::size_t count = std::min({most, size(), to.size()});
    std::memcpy(to.data(), bytes.data() + taken, count);
    taken += count;
    if (taken > bytes.size() / 2) {
      bytes.erase(0, taken);
      taken = 0;
    }
    return to.first(count);
  }
};

struct Duplex::Cable {
  std::array<Way, 2> ways;  // by the side that writes
};

namespace {

std::error_code connection_reset() { return {ECONNRESET, std::system_category()}; }

}  // namespace

std::pair<std::unique_ptr<Duplex>, std::unique_ptr<Duplex>> Duplex::pair(ManualLoop& loop, std::size_t capacity) {
  const Endpoint first = *Endpoint::parse_ip("127.0.0.1", 40'000);
  const Endpoint second = *Endpoint::parse_ip("127.0.0.1", 40'001);
  return pair(loop, {first, second}, {second, first}, capacity);
}

std::pair<std::unique_ptr<Duplex>, std::unique_ptr<Duplex>> Duplex::pair(ManualLoop& loop, const Ends& first,
                                                                         const Ends& second, std::size_t capacity) {
  auto cable = std::make_shared<Cable>();
  return {std::unique_ptr<Duplex>(new Duplex(loop, cable, 0, capacity, first)),
          std::unique_ptr<Duplex>(new Duplex(loop, cable, 1, capacity, second))};
}

std::unique_ptr<Duplex> Duplex::refused(ManualLoop& loop, const Ends& ends) {
  std::unique_ptr<Duplex> stream(new Duplex(loop, std::make_shared<Cable>(), 0, default_capacity, ends));
  stream->in().error = {ECONNREFUSED, std::system_category()};
  return stream;
}

Duplex::Duplex(ManualLoop& loop, std::shared_ptr<Cable> cable, int side, std::size_t capacity, const Ends& ends)
    : loop_(loop),
      cable_(std::move(cable)),
      side_(side),
      capacity_(capacity),
      local_(ends.local),
      remote_(ends.remote) {}

Duplex::~Duplex() {
  out().finished = true;
  if (reset_on_close_ || in().size() > 0) out().error = connection_reset();
  if (reset_on_close_) out().discard();
  in().abandoned = true;
}

Duplex::Way& Duplex::in() { return cable_->ways[static_cast<std::size_t>(1 - side_)]; }
Duplex::Way& Duplex::out() { return cable_->ways[static_cast<std::size_t>(side_)]; }
std::error_code Duplex::error() { return in().error; }

void Duplex::attach(Watcher& watcher) {
  if (!linked()) loop_.add(*this);
  watcher_ = &watcher;
  quiet_ = false;
  wanted_ = {};
}

void Duplex::want(Interest interest) {
  wanted_ = interest;
  if (interest.read || interest.write) quiet_ = false;
}

bool Duplex::tell() {
  const bool broken = error() || (in().finished && out().finished);
  const Ready ready{.readable = wanted_.read && (in().size() > 0 || in().finished || broken),
                    .writable = wanted_.write && (out().size() < capacity_ || out().abandoned || broken),
                    .broken = broken};
  if (!ready.readable && !ready.writable) {
    if (!broken || quiet_) return false;
    quiet_ = true;
  }
  watcher_->on_ready(ready);
  return true;
}

Result<Bytes> Duplex::read() {
  if (in().size() > 0) {
    if (trickle_left_ == 0) return in().take(in().size(), loop_.scratch());
    --trickle_left_;
    return in().take(1, loop_.scratch());
  }
  if (error()) return error();
  if (in().finished) return errc::end_of_stream;
  return Bytes{};
}

bool Duplex::is_quiet() { return in().size() == 0 && !in().finished && !error(); }

Result<std::size_t> Duplex::write(std::span<const iovec> parts) {
  if (error()) return error();
  if (out().finished) return std::error_code(EPIPE, std::system_category());
  std::size_t written = 0;
  for (const iovec& part : parts) {
    const std::size_t room = out().abandoned ? part.iov_len : capacity_ - std::min(capacity_, out().size());
    const std::size_t count = std::min(room, part.iov_len);
    out().bytes.append(static_cast<const char*>(part.iov_base), count);
    written += count;
    if (count < part.iov_len) break;
  }
  // As the kernel of the peer answers to bytes for a closed socket.
  if (out().abandoned) in().error = connection_reset();
  return written;
}

std::error_code Duplex::shutdown_write() {
  out().finished = true;
  return {};
}

void Duplex::set_keep_alive(bool on, int idle_seconds) {
  keep_alive_ = on;
  if (on && idle_seconds > 0) keep_alive_idle_seconds_ = idle_seconds;
}

}  // namespace culvert::test
