// If this fails, a body in chunks ends elsewhere for culvert than by the grammar of RFC 9112 7.1, or has other bytes.
//
// The input is what follows the head.
#include <optional>
#include <string>

#include "fuzz/h1_pieces.hpp"
#include "wire/h1_writer.hpp"

namespace culvert::fuzz {
namespace {

constexpr std::string_view head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The data of all chunks where the last one is there with an empty trailer section, else nothing. Takes any extension
// whose bytes are visible, which is more than the grammar has: what is read of those that culvert takes must be the same.
struct Decoded {
  std::string data;
  bool has_extensions = false;
};
std::optional<Decoded> decode(std::string_view rest) {
  Decoded decoded;
  for (;;) {
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < rest.size() && hex_digit(rest[digits]) >= 0; ++digits) {
      if (size >> 60 != 0) return std::nullopt;
      size = size * 16 + static_cast<std::uint64_t>(hex_digit(rest[digits]));
    }
    if (digits == 0) return std::nullopt;
    rest.remove_prefix(digits);
    const std::size_t line_end = rest.find("\r\n");
    if (line_end == std::string_view::npos) return std::nullopt;
    if (line_end > 0) {
      if (rest.front() != ';') return std::nullopt;
      decoded.has_extensions = true;
    }
    rest.remove_prefix(line_end + 2);
    if (size == 0) return rest == "\r\n" ? std::optional(decoded) : std::nullopt;
    if (rest.size() < size || rest.substr(size).substr(0, 2) != "\r\n") return std::nullopt;
    decoded.data += rest.substr(0, size);
    rest.remove_prefix(size + 2);
  }
}

std::string written(std::string_view data, Choices& choices) {
  std::string out(head);
  while (!data.empty()) {
    const std::string_view part = data.substr(0, choices.next(20) + 1);
    char line[wire::chunk_size_max];
    out.append(line, wire::write_chunk_size(line, part.size()));
    out.append(part).append(wire::chunk_end);
    data.remove_prefix(part.size());
  }
  return out.append(wire::last_chunk_line).append(wire::chunk_end);
}

std::string expected(std::string_view data) {
  std::string log = "request PUT / 1.1 keep-alive\nHost=a\nTransfer-Encoding=chunked\n";
  if (!data.empty()) log.append("body ").append(data).append("\n");
  return log + "complete\n";
}

}  // namespace

void run(std::string_view input) {
  const std::string message = std::string(head).append(input);
  read_by_all_rules(wire::MessageKind::request, wire::BodyRule::as_framed, message);

  wire::Recorder recorder(wire::MessageKind::request);
  const std::string& log = recorder.read(message, message.size());
  const std::optional<Decoded> decoded = decode(input);
  if (decoded && (!decoded->has_extensions || !recorder.error)) {
    EXPECT_EQ(log, expected(decoded->data)) << "where the grammar says what the body is";
  }

  Choices choices(input);
  wire::Recorder again(wire::MessageKind::request);
  EXPECT_EQ(again.read(written(input, choices), 7), expected(input)) << "of chunks that culvert wrote";
}

}  // namespace culvert::fuzz
