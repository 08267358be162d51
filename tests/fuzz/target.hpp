// A fuzz target is one function that holds what must be true whatever the input is. It says so with gtest's EXPECT_ and
// ASSERT_: the first that fails ends the program. The same file is a libFuzzer program (scripts/fuzz) and, with replay.cpp,
// a test that runs the corpus.
#pragma once
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace culvert::fuzz {

void run(std::string_view input);

// Choices that depend on nothing but the input, so that a corpus file is the bytes that are parsed and no more.
class Choices {
 public:
  explicit Choices(std::string_view input) {
    for (const char c : input) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  // 0 .. below - 1.
  std::size_t next(std::size_t below) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return static_cast<std::size_t>(state_ >> 33) % below;
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

// The next line of `rest`, without its end; takes it off.
inline std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

}  // namespace culvert::fuzz
