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
  using Clients = std::map<std::string, std::uint32_t, std::less<>>;  // how many each has taken
  struct Service {
    std::uint32_t taken = 0;
    Clients clients;
  };

 public:
  // Given back when it is destroyed.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept {
      std::swap(places_, other.places_);
      std::swap(service_, other.service_);
      std::swap(client_, other.client_);
      return *this;
    }
    ~Place() {
      if (places_ != nullptr) places_->give_back(*service_, client_);
    }

   private:
    friend class TunnelPlaces;
    Place(TunnelPlaces& places, Service& service, Clients::iterator client)
        : places_(&places), service_(&service), client_(client) {}
    TunnelPlaces* places_ = nullptr;
    Service* service_ = nullptr;
    Clients::iterator client_;
  };

  TunnelPlaces() = default;
  TunnelPlaces(const TunnelPlaces&) = delete;
  TunnelPlaces& operator=(const TunnelPlaces&) = delete;

  // Takes a place for `client`, an address or a user; 0: no limit. Why there is none, or Reason::none.
  Reason take(const std::string& service, std::string_view client, std::uint32_t most, std::uint32_t most_of_client,
              Place& place);

 private:
  void give_back(Service& service, Clients::iterator client);

  std::mutex mutex_;
  std::map<std::string, Service, std::less<>> services_;  // whose rows stay
};

}  // namespace culvert::proxy
