// How many tunnels there are: of each [tunnel.NAME], and of each of its clients. Shared by all workers; asked when a tunnel
// begins and when it ends.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/failure.hpp"

namespace culvert::proxy {

class TunnelPlaces {
 public:
  // Given back when it is destroyed.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : places_(std::exchange(other.places_, nullptr)), key_(std::move(other.key_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(places_, other.places_);
      std::swap(key_, other.key_);
      return *this;
    }
    ~Place() {
      if (places_ != nullptr) places_->give_back(key_);
    }

   private:
    friend class TunnelPlaces;
    using Key = std::pair<std::string, std::string>;  // of the service, and the client
    Place(TunnelPlaces& places, Key key) : places_(&places), key_(std::move(key)) {}
    TunnelPlaces* places_ = nullptr;
    Key key_;
  };

  TunnelPlaces() = default;
  TunnelPlaces(const TunnelPlaces&) = delete;
  TunnelPlaces& operator=(const TunnelPlaces&) = delete;

  // Takes a place for `client`, an address or a user; 0: no limit. Why there is none, or Reason::none.
  Reason take(const std::string& service, std::string_view client, std::uint32_t most, std::uint32_t most_of_client,
              Place& place);

 private:
  struct Service {
    std::uint32_t taken = 0;
    std::map<std::string, std::uint32_t, std::less<>> clients;
  };
  void give_back(const Place::Key& key);

  std::mutex mutex_;
  std::map<std::string, Service, std::less<>> services_;
};

}  // namespace culvert::proxy
