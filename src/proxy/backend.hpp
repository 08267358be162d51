// One address of a server, as one worker sends requests to it.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/ref.hpp"
#include "culvert/agent.hpp"
#include "proxy/fleet.hpp"

namespace culvert::proxy {

// Where one of a server's addresses is, and what it is to get.
struct BackendPlace {
  std::string text;         // HOST:PORT that it was found by
  Address address;          // resolved, or of a Unix socket
  std::string server_name;  // for TLS
  std::uint32_t weight = 1;
  bool backup = false;
};

struct Backend final : RefCounted {
  Backend(const BackendPlace& place, bool is_drained, Agent::Origin& to, std::shared_ptr<BackendState> known,
          unsigned worker, std::uint64_t its_bit)
      : text(place.text),
        address(place.address),
        origin(to),
        weight(place.weight),
        backup(place.backup),
        drain(is_drained),
        bit(its_bit),
        state(std::move(known)),
        share(state->share(worker)),
        server_name(place.server_name) {}

  const std::string text;     // the server as written, or the target of a service: for logs and Host
  const Address address;      // resolved, or of a Unix socket
  Agent::Origin& origin;      // valid while the upstream has it in its list
  std::uint32_t weight;       // both may change with a service's records
  bool backup;
  bool is_aside = false;      // nobody connects to addresses of its family now (FamilyWatch)
  const bool drain;           // by the configuration: only those come that a cookie ties to it
  bool drained = false;       // by an operator: nobody comes
  const std::uint64_t bit;    // among those that a request has tried
  std::uint64_t id = 0;       // by which hashes and cookies know it: the same in every process
  const std::shared_ptr<BackendState> state;
  BackendState::Share& share;
  const std::string server_name;  // for TLS
  // Of this worker, since it has it.
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
};

// Something of ours is under way there. The backend stays as long as the upstream does that it is of.
class BackendUse {
 public:
  BackendUse() = default;
  explicit BackendUse(Backend& backend) : backend_(&backend) {
    backend.share.under_way.add(1);
    ++backend.requests;
  }
  BackendUse(BackendUse&& other) noexcept : backend_(std::exchange(other.backend_, nullptr)) {}
  BackendUse& operator=(BackendUse other) noexcept {
    std::swap(backend_, other.backend_);
    return *this;
  }
  ~BackendUse() {
    if (backend_ != nullptr) backend_->share.under_way.subtract(1);
  }
  explicit operator bool() const { return backend_ != nullptr; }
  Backend* operator->() const { return backend_; }
  Backend& operator*() const { return *backend_; }

 private:
  Backend* backend_ = nullptr;
};

}  // namespace culvert::proxy
