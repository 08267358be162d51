// How many tunnels there are: of each [tunnel.NAME], and of each of its clients; and what these move, by requests that are
// forwarded as well. Shared by all workers; asked when a tunnel, or such a request, begins and when it ends.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "config/tunnel.hpp"
#include "net/account.hpp"
#include "proxy/failure.hpp"

namespace culvert::proxy {

class TunnelPlaces {
  struct Client {
    std::uint32_t tunnels = 0;
    std::uint32_t places = 0;  // of tunnels and of requests: who refers to it
    net::Account account;
  };
  using Clients = std::map<std::string, Client, std::less<>>;
  struct Service {
    std::uint32_t tunnels = 0;
    Clients clients;  // who have places, or have had some and may not forget what they moved
    std::size_t swept_at = 0;  // how many there were
  };

 public:
  // Of those without a place: beyond them what they have moved is forgotten.
  static constexpr std::size_t idle_clients_max = 100'000;

  enum class Use : std::uint8_t { tunnel, request };  // which counts in bytes alone

  // Given back when it is destroyed.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept {
      std::swap(places_, other.places_);
      std::swap(service_, other.service_);
      std::swap(use_, other.use_);
      std::swap(client_, other.client_);
      return *this;
    }
    ~Place() {
      if (places_ != nullptr) places_->give_back(*service_, client_, use_);
    }
    // What the client's places share, as long as the place is taken; null where they may move what they like.
    net::Account* account() const {
      net::Account* const shared = places_ == nullptr ? nullptr : &client_->second.account;
      return shared != nullptr && (shared->limits_bandwidth() || shared->limits_bytes()) ? shared : nullptr;
    }

   private:
    friend class TunnelPlaces;
    Place(TunnelPlaces& places, Service& service, Clients::iterator client, Use use)
        : places_(&places), service_(&service), client_(client), use_(use) {}
    TunnelPlaces* places_ = nullptr;
    Service* service_ = nullptr;
    Clients::iterator client_;
    Use use_ = Use::tunnel;
  };

  TunnelPlaces() = default;
  TunnelPlaces(const TunnelPlaces&) = delete;
  TunnelPlaces& operator=(const TunnelPlaces&) = delete;

  // Takes a place for `client`, an address or a user, whose limits are those of `service` from now on. Why there is
  // none, or Reason::none.
  Reason take(const config::Tunnel& service, std::string_view client, Use use, TimePoint now, Place& place);
  // That are known, with places or without.
  std::size_t clients(std::string_view service);

 private:
  void give_back(Service& service, Clients::iterator client, Use use);
  static void sweep(Service& service, TimePoint now);

  std::mutex mutex_;
  std::map<std::string, Service, std::less<>> services_;  // whose rows stay
};

}  // namespace culvert::proxy
