// If this fails, culvert and its neighbour disagree about where a message ends: request smuggling.
#include "wire/framing.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

#include "base/arena.hpp"
#include "wire/header_names.hpp"
#include "wire/parse_error.hpp"

namespace culvert::wire {
namespace {

using Kind = Framing::Kind;
using Lines = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class FramingTest : public testing::Test {
 protected:
  HeaderList list(Lines lines) {
    HeaderList headers;
    for (const auto& [name, value] : lines) headers.push(arena_, {header_id(name), name, value});
    return headers;
  }
  std::error_code request(Lines lines, std::uint8_t minor = 1) {
    framing_ = {};
    return judge_request(list(lines), minor, Rules::strict, framing_);
  }
  std::error_code response(Lines lines, std::uint16_t status = 200) {
    framing_ = {};
    return judge_response(list(lines), status, Rules::strict, framing_);
  }
  BlockPool pool_;
  Arena arena_{pool_};
  Framing framing_;
};

TEST_F(FramingTest, RequestWithoutFieldsHasNoBody) {
  ASSERT_FALSE(request({{"Host", "a"}}));
  EXPECT_EQ(framing_.kind, Kind::none);
  EXPECT_FALSE(framing_.has_length_field);
}

TEST_F(FramingTest, LengthAndChunked) {
  ASSERT_FALSE(request({{"content-length", "42"}}));
  EXPECT_EQ(framing_.kind, Kind::length);
  EXPECT_EQ(framing_.length, 42u);
  ASSERT_FALSE(request({{"Content-Length", "0"}}));
  EXPECT_EQ(framing_.kind, Kind::length);
  EXPECT_TRUE(framing_.has_length_field);
  ASSERT_FALSE(request({{"Transfer-Encoding", "Chunked"}}));
  EXPECT_EQ(framing_.kind, Kind::chunked);
  ASSERT_FALSE(request({{"Transfer-Encoding", ", chunked ,"}}));
  EXPECT_EQ(framing_.kind, Kind::chunked);
}

TEST_F(FramingTest, LengthAtItsLimit) {
  ASSERT_FALSE(request({{"Content-Length", "18446744073709551615"}}));
  EXPECT_EQ(framing_.length, 18446744073709551615u);
  EXPECT_EQ(request({{"Content-Length", "18446744073709551616"}}), ParseError::HPE_INVALID_CONTENT_LENGTH);
}

TEST_F(FramingTest, LengthIsDigitsOnly) {
  for (const std::string_view value : {"", "+3", "-3", "3, 3", "3 3", "0x3", "3a", " 3", "3.0"}) {
    EXPECT_EQ(request({{"Content-Length", value}}), ParseError::HPE_INVALID_CONTENT_LENGTH) << value;
  }
}

TEST_F(FramingTest, FramingFieldsDoNotContradictOrRepeat) {
  EXPECT_EQ(request({{"Content-Length", "3"}, {"Content-Length", "3"}}), ParseError::HPE_UNEXPECTED_CONTENT_LENGTH);
  EXPECT_EQ(request({{"Content-Length", "3"}, {"Transfer-Encoding", "chunked"}}),
            ParseError::HPE_UNEXPECTED_CONTENT_LENGTH);
  EXPECT_EQ(response({{"Transfer-Encoding", "chunked"}, {"Content-Length", "3"}}),
            ParseError::HPE_UNEXPECTED_CONTENT_LENGTH);
}

TEST_F(FramingTest, OnlyOneChunkedIsACoding) {
  for (const std::string_view value :
       {"", ",", "xchunked", "chunked, identity", "chunked, chunked", "gzip", "chunked;q"}) {
    EXPECT_EQ(request({{"Transfer-Encoding", value}}), ParseError::HPE_INVALID_TRANSFER_ENCODING) << value;
    EXPECT_EQ(response({{"Transfer-Encoding", value}}), ParseError::HPE_INVALID_TRANSFER_ENCODING) << value;
  }
  EXPECT_EQ(request({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}),
            ParseError::HPE_INVALID_TRANSFER_ENCODING);
  EXPECT_EQ(request({{"Transfer-Encoding", "gzip"}, {"Transfer-Encoding", "chunked"}}),
            ParseError::unknown_transfer_coding);
}

TEST_F(FramingTest, Http10RequestHasNoTransferEncoding) {
  EXPECT_EQ(request({{"Transfer-Encoding", "chunked"}}, 0), ParseError::transfer_encoding_in_1_0);
  EXPECT_FALSE(request({{"Content-Length", "3"}}, 0));
}

TEST_F(FramingTest, ResponseEndsWithTheConnectionUnlessItSaysOtherwise) {
  ASSERT_FALSE(response({}));
  EXPECT_EQ(framing_.kind, Kind::until_close);
  ASSERT_FALSE(response({{"Content-Length", "5"}}));
  EXPECT_EQ(framing_.kind, Kind::length);
}

TEST_F(FramingTest, SomeStatusesHaveNoBodyWhateverTheFieldsSay) {
  using Statuses = std::initializer_list<std::uint16_t>;
  for (const std::uint16_t status : Statuses{100, 101, 103, 199, 204, 304}) {
    ASSERT_FALSE(response({{"Content-Length", "5"}}, status));
    EXPECT_EQ(framing_.kind, Kind::none) << status;
    EXPECT_EQ(framing_.length, 5u) << "what the field said is kept";
    ASSERT_FALSE(response({{"Transfer-Encoding", "chunked"}}, status));
    EXPECT_EQ(framing_.kind, Kind::none) << status;
  }
  ASSERT_FALSE(response({{"Content-Length", "5"}}, 205));
  EXPECT_EQ(framing_.kind, Kind::length);
}

}  // namespace
}  // namespace culvert::wire
