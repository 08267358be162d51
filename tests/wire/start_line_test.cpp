// If this fails, a start line in the usual way is read differently from the same line written a little differently.
#include "wire/start_line.hpp"

#include <gtest/gtest.h>

#include <string>

#include "wire/head_guard.hpp"
#include "wire/methods.hpp"

namespace culvert::wire {
namespace {

struct Line {
  Line(MessageKind kind, std::string_view written) : text(std::string(written) + "\r\n") {
    size = text.size();
    text.append(margin, '\0');
    next = read_start_line(kind, Rules::strict, text.data(), head, error);
  }
  bool whole() const { return next == text.data() + size; }

  std::string text;
  std::size_t size = 0;
  MessageHead head;
  ParseError error = ParseError::ok;
  const char* next = nullptr;
};

TEST(StartLine, HasAMethodATargetAndAVersion) {
  for (const std::string_view method : methods()) {
    for (const char minor : {'0', '1'}) {
      const Line line(MessageKind::request, std::string(method) + " /a/b?c=d HTTP/1." + minor);
      ASSERT_TRUE(line.whole()) << method << ": " << name_of(line.error);
      EXPECT_EQ(line.head.method, method);
      EXPECT_EQ(line.head.target, "/a/b?c=d");
      EXPECT_EQ(line.head.minor_version, minor - '0');
    }
  }
}

TEST(StartLine, HasAStatusAndPerhapsAReason) {
  for (const auto& [written, reason] : {std::pair{"HTTP/1.1 404 Not Found", "Not Found"},
                                        {"HTTP/1.1 404 ", ""},
                                        {"HTTP/1.1 404", ""},
                                        {"HTTP/1.1 404 \xc3\xa9", "\xc3\xa9"}}) {
    const Line line(MessageKind::response, written);
    ASSERT_TRUE(line.whole()) << written << ": " << name_of(line.error);
    EXPECT_EQ(line.head.status, 404);
    EXPECT_EQ(line.head.reason, reason);
    EXPECT_EQ(line.head.minor_version, 1);
  }
  EXPECT_EQ(Line(MessageKind::response, "HTTP/1.0 999 x").head.minor_version, 0);
}

TEST(StartLine, IsRefusedWhereverItBreaksOff) {
  for (const auto& [kind, good] : {std::pair<MessageKind, std::string_view>{MessageKind::request, "GET /a HTTP/1.1"},
                                   {MessageKind::response, "HTTP/1.1 404"}}) {
    for (std::size_t size = 1; size < good.size(); ++size) {
      const std::string_view begun = good.substr(0, size);
      EXPECT_NE(Line(kind, begun).error, ParseError::ok) << begun;
    }
  }
}

// One character of a good line at a time is replaced by each other one: it must be refused, or be what it says.
TEST(StartLine, IsRefusedWhereOneCharacterIsWrong) {
  const std::string good = "GET /abcdefghijklmnop HTTP/1.1";
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string written = good;
      written[at] = static_cast<char>(value);
      const Line line(MessageKind::request, written);
      if (line.error != ParseError::ok) {
        EXPECT_TRUE(line.next >= line.text.data() && line.next <= line.text.data() + line.size);
        continue;
      }
      ASSERT_TRUE(line.whole()) << written;
      const std::string version = line.head.minor_version == 1 ? " HTTP/1.1" : " HTTP/1.0";
      EXPECT_EQ(std::string(line.head.method) + " " + std::string(line.head.target) + version, written);
      EXPECT_TRUE(line.head.method == "GET" || at < 3) << written;
    }
  }
}

TEST(StartLine, SaysWhichCharacterIsNone) {
  EXPECT_EQ(Line(MessageKind::request, "GET /\x7f HTTP/1.1").error, ParseError::control_character);
  EXPECT_EQ(Line(MessageKind::response, "HTTP/1.1 200 \x01").error, ParseError::control_character);
}

}  // namespace
}  // namespace culvert::wire
