// What some streams begin with: PROXY protocol headers and ClientHellos, right and wrong ones. Written and read by code
// that is not culvert's.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "culvert/endpoint.hpp"

namespace culvert::simulation {

// A PROXY header: who is connected speaks for `source`.
enum class ProxyHeader : std::uint8_t {
  none,
  v1,
  v2,
  local,    // v2, for itself
  unknown,  // v1, likewise
  broken,
  late  // never complete
};
std::string proxy_header(ProxyHeader kind, const Endpoint& source, const Endpoint& destination);

// Takes one off `bytes` and tells whose stream it is; nothing where it is not complete yet. `broken`: it is none.
std::optional<Endpoint> take_proxy_header(std::string& bytes, bool& broken);

struct Hello {
  enum class Kind : std::uint8_t {
    none,
    right,
    in_records,
    another_name,
    no_name,
    encrypted,
    no_tls,
    broken,
    too_large,
    late
  };

  Kind kind = Kind::none;
  // Of who wants to be led to `host`.
  std::string text(std::string_view host) const;
  // The code of culvert's reason, and the description of the TLS alert that goes with it; 0: none.
  struct Answer {
    std::string_view reason;
    char alert = 0;
  };
  Answer answer(bool denies_encrypted) const;
};

}  // namespace culvert::simulation
