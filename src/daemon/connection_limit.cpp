#include "daemon/connection_limit.hpp"

#include <cassert>
#include <string_view>
#include <utility>

#include "base/client_address.hpp"

namespace culvert::daemon {

namespace {

bool has_address(const Endpoint& endpoint) {
  return endpoint.family == Endpoint::Family::ipv4 || endpoint.family == Endpoint::Family::ipv6;
}

}  // namespace

void ConnectionLimit::set_limit(std::uint64_t limit) {
  limit_.store(limit);
  if (waiting_.load() > 0) on_room_();
}

bool ConnectionLimit::take(bool& waiting) {
  if (take()) {
    stop_waiting(waiting);
    return true;
  }
  if (waiting) return false;
  waiting = true;
  waiting_.fetch_add(1);
  return take(waiting);  // a place may have been given back before its giver could see us wait
}

void ConnectionLimit::stop_waiting(bool& waiting) {
  if (std::exchange(waiting, false)) waiting_.fetch_sub(1);
}

bool ConnectionLimit::take() {
  const std::uint64_t limit = limit_.load();
  std::uint64_t taken = taken_.load();
  while (limit == 0 || taken < limit) {
    if (taken_.compare_exchange_weak(taken, taken + 1)) return true;
  }
  return false;
}

void ConnectionLimit::give_back() {
  [[maybe_unused]] const std::uint64_t before = taken_.fetch_sub(1);
  assert(before > 0);
  if (waiting_.load() > 0) on_room_();
}

bool ClientLimit::take(const Endpoint& client, TimePoint now) {
  if (!has_address(client)) return true;
  const std::uint64_t limit = limit_.load();
  std::uint64_t to_report = 0;
  {
    std::lock_guard lock(mutex_);
    std::uint64_t& taken = taken_[client_address(client)];
    if (limit == 0 || taken < limit) {
      ++taken;
      return true;
    }
    refused_.add();
    to_report = refused_.take_due(now);
  }
  if (to_report > 0) report_(to_report);
  return false;
}

void ClientLimit::give_back(const Endpoint& client) {
  if (!has_address(client)) return;
  std::lock_guard lock(mutex_);
  const auto entry = taken_.find(client_address(client));
  if (entry != taken_.end() && --entry->second == 0) taken_.erase(entry);
}

std::size_t ClientLimit::HashAddress::operator()(const Endpoint& endpoint) const {
  return std::hash<std::string_view>{}(
      {reinterpret_cast<const char*>(endpoint.address.data()), endpoint.address.size()});
}

}  // namespace culvert::daemon
