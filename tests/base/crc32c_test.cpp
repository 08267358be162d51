// What would break: PROXY headers that carry a checksum would be refused, or damaged ones believed.
#include "base/crc32c.hpp"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

TEST(Crc32c, IsThatOfTheSpecification) {
  EXPECT_EQ(crc32c({}), 0U);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8a9136aaU) << "RFC 3720 B.4";
  EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62a8ab43U) << "RFC 3720 B.4";
}

TEST(Crc32c, GoesOnWhereItStopped) {
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), crc32c(as_bytes("123456789")));
}

}  // namespace
}  // namespace culvert
