#include "net/ticket_keys.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <new>
#include <utility>

namespace culvert::net {

namespace {

template <std::size_t size>
void fill(std::array<unsigned char, size>& bytes) {
  if (RAND_bytes(bytes.data(), static_cast<int>(size)) != 1) throw std::bad_alloc();
}

bool has_been_made(const TicketKeys::Key& key) { return key.made != TimePoint::min(); }

}  // namespace

TicketKeys::Key TicketKeys::to_seal(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (!has_been_made(key_) || is_old(key_, now)) {
    before_ = std::exchange(key_, {});
    fill(key_.name);
    fill(key_.cipher);
    fill(key_.mac);
    key_.made = now;
  }
  return key_;
}

std::optional<TicketKeys::Key> TicketKeys::to_open(std::span<const unsigned char, 16> name, TimePoint now) {
  const std::lock_guard lock(mutex_);
  for (const Key* const each : {&key_, &before_}) {
    const Key& key = *each;
    const bool is_known = has_been_made(key) && now - key.made < 2 * period;
    if (is_known && std::ranges::equal(key.name, name)) return key;
  }
  return std::nullopt;
}

}  // namespace culvert::net
