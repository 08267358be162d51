// If this fails, a PROXY protocol header reads differently in other pieces, its bytes or the stream's behind it go astray,
// or culvert writes what it does not read.
#include <string>

#include "fuzz/target.hpp"
#include "wire/proxy_protocol.hpp"

namespace culvert::fuzz {
namespace {

constexpr std::size_t incomplete = 0;

struct Outcome {
  std::error_code error;
  std::size_t bytes = incomplete;  // of the header
  wire::ProxyAddresses addresses;
  bool operator==(const Outcome&) const = default;
};

template <class NextSize>
Outcome read(std::string_view bytes, const NextSize& next_size) {
  wire::ProxyHeaderReader reader;
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string piece(bytes.substr(taken, next_size()));
    Bytes input = as_bytes(piece);
    Result<bool> complete = reader.read(input);
    EXPECT_EQ(as_text(input), std::string_view(piece).substr(piece.size() - input.size()));
    taken += piece.size() - input.size();
    EXPECT_LE(taken, wire::proxy_header_bytes_max);
    if (!complete) return {.error = complete.error()};
    if (*complete) return {.bytes = taken, .addresses = reader.addresses()};
    EXPECT_TRUE(input.empty());
  }
  return {};
}

void write_and_read(wire::ProxyProtocol version, const wire::ProxyAddresses& addresses) {
  std::byte out[wire::proxy_line_bytes_max];
  const std::string_view header = as_text(Bytes(out, wire::write_proxy_header(out, version, addresses)));
  const Outcome outcome = read(header, [&] { return header.size(); });
  EXPECT_EQ(outcome.bytes, header.size());
  const bool is_ip = addresses.source.family != Endpoint::Family::none &&
                     addresses.source.family != Endpoint::Family::unix_socket;
  EXPECT_EQ(outcome.addresses, is_ip ? addresses : wire::ProxyAddresses{});
}

}  // namespace

void run(std::string_view input) {
  Choices choices(input);
  const Outcome whole = read(input, [&] { return input.size(); });
  EXPECT_EQ(read(input, [] { return std::size_t{1}; }), whole) << "byte by byte";
  EXPECT_EQ(read(input, [&] { return choices.next(20) + 1; }), whole) << "in pieces";
  if (whole.bytes == incomplete) return;
  EXPECT_EQ(read(input.substr(0, whole.bytes - 1), [&] { return input.size(); }), Outcome{}) << "without its last byte";
  write_and_read(wire::ProxyProtocol::v1, whole.addresses);
  write_and_read(wire::ProxyProtocol::v2, whole.addresses);
}

}  // namespace culvert::fuzz
