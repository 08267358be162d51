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
  bool reset = false;      // the writer has reset the connection

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

Endpoint loopback(int side) {
  Endpoint endpoint{.family = Endpoint::Family::ipv4, .port = static_cast<std::uint16_t>(40'000 + side)};
  endpoint.address = {127, 0, 0, 1};
  return endpoint;
}

std::error_code connection_reset() { return {ECONNRESET, std::system_category()}; }

}  // namespace

std::pair<std::unique_ptr<Duplex>, std::unique_ptr<Duplex>> Duplex::pair(ManualLoop& loop, std::size_t capacity) {
  auto cable = std::make_shared<Cable>();
  return {std::unique_ptr<Duplex>(new Duplex(loop, cable, 0, capacity)),
          std::unique_ptr<Duplex>(new Duplex(loop, cable, 1, capacity))};
}

Duplex::Duplex(ManualLoop& loop, std::shared_ptr<Cable> cable, int side, std::size_t capacity)
    : loop_(loop),
      cable_(std::move(cable)),
      side_(side),
      capacity_(capacity),
      local_(loopback(side)),
      remote_(loopback(1 - side)) {}

Duplex::~Duplex() {
  out().finished = true;
  out().reset = reset_on_close_ || in().size() > 0;
  if (reset_on_close_) out().discard();
  in().abandoned = true;
}

Duplex::Way& Duplex::in() { return cable_->ways[static_cast<std::size_t>(1 - side_)]; }
Duplex::Way& Duplex::out() { return cable_->ways[static_cast<std::size_t>(side_)]; }
bool Duplex::was_reset() { return in().reset; }

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
  const bool broken = was_reset() || (in().finished && out().finished);
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
  if (was_reset()) return connection_reset();
  if (in().finished) return errc::end_of_stream;
  return Bytes{};
}

Result<std::size_t> Duplex::write(std::span<const iovec> parts) {
  if (was_reset()) return connection_reset();
  if (out().finished) return std::error_code(EPIPE, std::system_category());
  std::size_t written = 0;
  for (const iovec& part : parts) {
    const std::size_t room = out().abandoned ? part.iov_len : capacity_ - std::min(capacity_, out().size());
    const std::size_t count = std::min(room, part.iov_len);
    out().bytes.append(static_cast<const char*>(part.iov_base), count);
    written += count;
    if (count < part.iov_len) break;
  }
  if (out().abandoned) in().reset = true;  // as the kernel of the peer answers to bytes for a closed socket
  return written;
}

std::error_code Duplex::shutdown_write() {
  out().finished = true;
  return {};
}

std::error_code Duplex::take_error() { return was_reset() ? connection_reset() : std::error_code{}; }

}  // namespace culvert::test
