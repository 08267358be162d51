// Bytes as text and as fingerprints: what credentials in header fields and the WebSocket handshake are made of.
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "culvert/bytes.hpp"

namespace culvert {

// RFC 4648 section 4, padded, in one line.
std::string encode_base64(Bytes bytes);
// Nothing unless `text` is exactly what encode_base64 writes: two spellings of one credential would be two credentials.
std::optional<std::string> decode_base64(std::string_view text);

// Whether they are the same, in a time that does not depend on where they differ.
bool equal_in_constant_time(Bytes a, Bytes b);
// Overwrites what nobody else is to read any more.
void wipe(std::string& secret);

using Sha256 = std::array<std::byte, 32>;
Sha256 sha256(Bytes bytes);
// A fingerprint that only those who have the key can make (RFC 2104).
Sha256 hmac_sha256(Bytes key, Bytes bytes);

using Sha1 = std::array<std::byte, 20>;
Sha1 sha1(Bytes bytes);

}  // namespace culvert
