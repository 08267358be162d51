// The keys of session tickets (RFC 5077, RFC 8446 4.6.1). Who gets hold of one can read what the sessions of its time have
// said, so that they are made anew and forgotten: each seals for one period, and opens what it has sealed for one more.
#pragma once
#include <array>
#include <mutex>
#include <optional>
#include <span>

#include "culvert/loop.hpp"

namespace culvert::net {

class TicketKeys {
 public:
  static constexpr std::chrono::hours period{12};

  struct Key {
    std::array<unsigned char, 16> name;  // in the clear, in front of the ticket
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
    TimePoint made = TimePoint::min();
  };

  // All of these from any thread.
  Key to_seal(TimePoint now);
  // Nothing where it is not known any more.
  std::optional<Key> to_open(std::span<const unsigned char, 16> name, TimePoint now);
  // Whether another one seals by now: its tickets are to be replaced.
  static bool is_old(const Key& key, TimePoint now) { return now - key.made >= period; }

 private:
  std::mutex mutex_;  // guards both; asked for once in a handshake
  Key key_;
  Key before_;
};

}  // namespace culvert::net
