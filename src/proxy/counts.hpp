// What one worker has counted since it began. Kept by name and not by object: a route that a reload changes goes on with
// its figures, as whoever draws curves of them expects.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.hpp"
#include "culvert/loop.hpp"
#include "proxy/failure.hpp"

namespace culvert::proxy {

using SharedName = std::shared_ptr<const std::string>;  // many rows of a report have the same one

// How long requests took: bucket n has those of less than 2^n ms and not of the bucket before, the last one all others.
using DurationCounts = std::array<std::uint64_t, 18>;
inline std::size_t duration_bucket(Duration took) {
  if (took < std::chrono::milliseconds(1)) [[likely]] return 0;
  const auto ms = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  return std::min<std::size_t>(std::bit_width(ms), DurationCounts().size() - 1);
}

// What tells the requests of one route apart, in one number: the method (one of those that the parser knows), the listener's
// number, the status (0: there was no answer).
inline std::uint64_t request_kind(std::string_view method, std::uint16_t listener, std::uint16_t status) {
  std::uint32_t word = static_cast<unsigned char>(method[0]);
  word |= static_cast<std::uint32_t>(static_cast<unsigned char>(method[1])) << 8;
  word |= static_cast<std::uint32_t>(static_cast<unsigned char>(method[2])) << 16;
  if (method.size() > 3) word |= static_cast<std::uint32_t>(static_cast<unsigned char>(method[3])) << 24;
  if (method.size() > 8) word |= 1U << 31;  // PROPFIND and PROPPATCH
  return word | std::uint64_t{listener} << 32 | std::uint64_t{status} << 48;
}

// The requests of one route.
class RouteCounts final : public RefCounted {
 public:
  struct Row {
    std::uint64_t kind = 0;
    std::uint64_t count = 0;
    std::string method;
    std::uint16_t listener() const { return static_cast<std::uint16_t>(kind >> 32); }
    std::uint16_t status() const { return static_cast<std::uint16_t>(kind >> 48); }
  };

  explicit RouteCounts(std::string route) : name(std::make_shared<const std::string>(std::move(route))) {}

  void add(std::string_view method, std::uint16_t listener, std::uint16_t status, Duration took, std::uint64_t bytes_in,
           std::uint64_t bytes_out) {
    const std::uint64_t kind = request_kind(method, listener, status);
    if (last_->kind != kind) [[unlikely]] find(kind, method);
    ++last_->count;
    ++durations[duration_bucket(took)];
    whole_duration += took;
    request_bytes += bytes_in;
    response_bytes += bytes_out;
  }

  const SharedName name;
  std::deque<Row> rows{Row{}};  // the first is of nobody
  DurationCounts durations{};
  Duration whole_duration{};
  std::uint64_t request_bytes = 0;   // of bodies
  std::uint64_t response_bytes = 0;

 private:
  void find(std::uint64_t kind, std::string_view method);
  Row* last_ = &rows.front();  // that was counted in: mostly the next one's as well
};

// The tunnels of one [tunnel.NAME], the upgraded requests of one route, or the connections of a listener with mode = "tcp".
struct StreamCounts {
  std::uint64_t begun = 0;
  std::uint64_t ended = 0;
  std::uint64_t bytes_up = 0;  // of those that have ended
  std::uint64_t bytes_down = 0;
  std::uint64_t standing() const { return begun - ended; }
  void add_bytes(std::uint64_t up, std::uint64_t down) {
    bytes_up += up;
    bytes_down += down;
  }
  void end(std::uint64_t up, std::uint64_t down) {
    ++ended;
    add_bytes(up, down);
  }
};

using StreamRows = std::map<std::string, StreamCounts, std::less<>>;  // by name

struct StreamTotals {
  // An upgraded request belongs to no [tunnel.NAME].
  StreamCounts& of(std::string_view tunnel, std::string_view route) {
    StreamRows& rows = tunnel.empty() ? upgrades : tunnels;
    const std::string_view name = tunnel.empty() ? route : tunnel;
    const auto known = rows.find(name);
    return known != rows.end() ? known->second : rows[std::string(name)];
  }
  StreamRows tunnels;   // by [tunnel.NAME]
  StreamRows upgrades;  // by route
  StreamRows streams;   // by listener
};

class Counts : public StreamTotals {
 public:
  // The same object for one name, for ever.
  Ref<RouteCounts> route(const std::string& name);
  std::uint16_t listener(const std::string& name);
  const std::vector<SharedName>& listeners() const { return listeners_; }  // by number
  template <class Call>
  void for_each_route(Call call) const {
    call(*without_route);
    for (const auto& [name, counts] : routes_) call(*counts);
  }

  void failed(Reason reason) { ++failures[static_cast<std::size_t>(reason)]; }

  // Where no route led anywhere.
  const Ref<RouteCounts> without_route = make_ref<RouteCounts>("");
  std::array<std::uint64_t, static_cast<std::size_t>(Reason::count_)> failures{};  // requests, tunnels, connections: by why they ended

 private:
  std::map<std::string, Ref<RouteCounts>, std::less<>> routes_;
  std::map<std::string, std::uint16_t, std::less<>> listener_numbers_;
  std::vector<SharedName> listeners_;
};

}  // namespace culvert::proxy
