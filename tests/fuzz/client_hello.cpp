// If this fails, a TLS ClientHello reads differently in other pieces, bytes of its stream get lost, or a name goes to
// routing that is no host name.
#include <algorithm>
#include <string>

#include "fuzz/target.hpp"
#include "wire/client_hello.hpp"

namespace culvert::fuzz {
namespace {

template <class NextSize>
std::string read(std::string_view bytes, const NextSize& next_size) {
  wire::ClientHelloReader reader;
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string piece(bytes.substr(taken, next_size()));
    Bytes input = as_bytes(piece);
    Result<bool> complete = reader.read(input);
    taken += piece.size() - input.size();
    EXPECT_EQ(as_text(reader.taken()), bytes.substr(0, taken));
    EXPECT_LE(taken, wire::client_hello_bytes_max + 5) << "judged with each record";
    if (!complete) return "error " + complete.error().message();
    if (*complete) {
      const wire::ClientHello& hello = reader.hello();
      EXPECT_TRUE(std::ranges::all_of(hello.server_name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
      })) << hello.server_name;
      std::string text = std::to_string(taken) + ' ' + std::string(hello.server_name);
      for (const std::string_view protocol : hello.alpn) text.append(1, '\n').append(protocol);
      return text + (hello.encrypted_client_hello ? "\nencrypted" : "");
    }
    EXPECT_TRUE(input.empty());
  }
  return "needs more";
}

}  // namespace

void run(std::string_view input) {
  Choices choices(input);
  const std::string whole = read(input, [&] { return input.size(); });
  EXPECT_EQ(read(input, [] { return std::size_t{1}; }), whole) << "byte by byte";
  EXPECT_EQ(read(input, [&] { return choices.next(300) + 1; }), whole) << "in pieces";
}

}  // namespace culvert::fuzz
