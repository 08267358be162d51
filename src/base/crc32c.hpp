// CRC-32C (Castagnoli), as RFC 3720 appendix B.4 has it.
#pragma once
#include <cstdint>

#include "culvert/bytes.hpp"

namespace culvert {

// Of `bytes`, or of what `before` is the sum of with `bytes` behind it.
std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0);

}  // namespace culvert
