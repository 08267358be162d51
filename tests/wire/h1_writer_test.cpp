// If this fails, culvert writes heads or chunks that a peer reads as something else.
#include "wire/h1_writer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace culvert::wire {
namespace {

TEST(H1Writer, WritesARequestHead) {
  HeadBuffer out;
  write_request_line(out, "GET", "/a?b");
  write_field(out, "Host", "a.example");
  write_field(out, "Content-Length", 18446744073709551615u);
  end_head(out);
  EXPECT_EQ(out.view(), "GET /a?b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 18446744073709551615\r\n\r\n");
}

TEST(H1Writer, WritesAStatusLineWithOrWithoutReason) {
  HeadBuffer out;
  write_status_line(out, 204, "No Content");
  EXPECT_EQ(out.view(), "HTTP/1.1 204 No Content\r\n");
  out.clear();
  EXPECT_TRUE(out.empty());
  write_status_line(out, 599, "");
  EXPECT_EQ(out.view(), "HTTP/1.1 599 \r\n");
}

TEST(H1Writer, GrowsPastItsFirstSize) {
  HeadBuffer out;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    out.append("abc");
    out.append_decimal(static_cast<std::uint64_t>(i));
    expected += "abc" + std::to_string(i);
  }
  EXPECT_EQ(out.view(), expected);
  const std::string large(1 << 20, 'x');
  out.append(large);
  EXPECT_EQ(out.view(), expected + large);
}

TEST(H1Writer, WritesFieldsOfEverySize) {
  std::string text;
  for (char c = '!'; text.size() < 80; ++c) text += c;
  for (std::size_t name = 0; name < 80; ++name) {
    HeadBuffer out;
    std::string expected;
    for (std::size_t value = 0; value < 80; ++value) {  // more than its first size holds
      write_field(out, std::string_view(text).substr(0, name), std::string_view(text).substr(80 - value));
      expected += text.substr(0, name) + ": " + text.substr(80 - value) + "\r\n";
    }
    ASSERT_EQ(out.view(), expected) << name;
  }
}

TEST(H1Writer, FillsItsRoomToTheLastByte) {
  for (std::size_t left = 0; left < 60; ++left) {
    HeadBuffer out;
    const std::string start(4096 - left, 'x');
    out.append(start);
    write_field(out, "Content-Type", "text/html; charset=utf-8");
    ASSERT_EQ(out.view(), start + "Content-Type: text/html; charset=utf-8\r\n") << left;
  }
}

TEST(H1Writer, WritesChunkSizes) {
  char line[chunk_size_max];
  EXPECT_EQ(std::string(line, write_chunk_size(line, 1)), "1\r\n");
  EXPECT_EQ(std::string(line, write_chunk_size(line, 65535)), "ffff\r\n");
  EXPECT_EQ(std::string(line, write_chunk_size(line, ~std::size_t{0})), "ffffffffffffffff\r\n");
}

TEST(H1Writer, TellsWhatMayBeWritten) {
  EXPECT_TRUE(valid_token("M-SEARCH"));
  EXPECT_TRUE(valid_token("!#$%&'*+-.^_`|~09azAZ"));
  for (const std::string_view text : {"", "a b", "a:", "a\r\n", "\x80", "a(b"}) EXPECT_FALSE(valid_token(text)) << text;

  EXPECT_TRUE(valid_field_value(""));
  EXPECT_TRUE(valid_field_value("a \t\"b\" \x80\xff"));
  using namespace std::string_view_literals;
  for (const std::string_view text : {"a\rb"sv, "a\nb"sv, "a\0b"sv, "\x7f"sv, "\x1f"sv}) {
    EXPECT_FALSE(valid_field_value(text)) << text;
  }

  EXPECT_TRUE(valid_target("/a?b={c}|d"));
  EXPECT_TRUE(valid_target("*"));
  for (const std::string_view text : {"", "/a b", "/a#b", "/\x80", "/\t", "/\x7f"}) {
    EXPECT_FALSE(valid_target(text)) << text;
  }
}

}  // namespace
}  // namespace culvert::wire
