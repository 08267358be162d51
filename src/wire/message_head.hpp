// The head of a message as it arrived.
#pragma once
#include <cstdint>
#include <string_view>

#include "culvert/headers.hpp"
#include "wire/framing.hpp"

namespace culvert::wire {

enum class MessageKind : std::uint8_t { request, response };

// Its text lies in the arena that the parser was given.
struct MessageHead {
  std::string_view method;          // requests: "GET"
  std::string_view target;          // requests: as on the request line
  std::uint16_t status = 0;         // responses: 100..999
  std::string_view reason;          // responses: may be empty
  std::uint8_t minor_version = 1;   // HTTP/1.x
  bool keep_alive = false;          // what version and Connection say; a body until the close ends it all the same
  bool upgrade = false;             // Connection: upgrade with an Upgrade field (1.1 only)
  HeaderList headers;
  Framing framing;
};

}  // namespace culvert::wire
