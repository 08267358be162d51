// If this fails, a search over a head misses a byte, or finds one that is not there: what is refused on one processor
// passes on another.
#include "wire/sixteen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "base/ascii.hpp"
#include "wire/sixteen_bodies.hpp"
#include "wire/text.hpp"

namespace culvert::wire {
namespace {

template <class Text>
class SixteenTest : public testing::Test {};

TYPED_TEST_SUITE(SixteenTest, Bodies);

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f'; }
bool is_plain(char c) {
  return is(digit_char, c) || (ascii::to_lower(c) >= 'a' && ascii::to_lower(c) <= 'z') || c == '-' || c == '.';
}

// Every byte value at every place, between neighbours that would show a carry.
TYPED_TEST(SixteenTest, AnswersForEachByteByItself) {
  for (const char neighbour : {'\0', 'a', '\x7f', '\x80', '\xff'}) {
    for (int value = 0; value < 256; ++value) {
      for (std::size_t place = 0; place < sixteen; ++place) {
        std::array<char, sixteen> bytes;
        bytes.fill(neighbour);
        bytes[place] = static_cast<char>(value);
        const auto expect = [&](unsigned places, auto is_so) {
          for (std::size_t i = 0; i < sixteen; ++i) {
            ASSERT_EQ((places >> i & 1) != 0, is_so(bytes[i])) << value << " at " << place << ", seen at " << i;
          }
          ASSERT_EQ(places >> sixteen, 0u);
        };
        const TypeParam text = TypeParam::at(bytes.data());
        expect(text.equal('\0').places(), [](char c) { return c == '\0'; });
        expect(text.equal('\xff').places(), [](char c) { return c == '\xff'; });
        expect(text.below('\x01').places(), [](char c) { return c == '\0'; });
        expect(text.below('\x7f').places(), [](char c) { return static_cast<unsigned char>(c) < 0x7f; });
        expect(colons_and_line_feeds(text), [](char c) { return c == ':' || c == '\n'; });
        expect(control_characters(text), is_control);
        expect(not_plain(text), [](char c) { return !is_plain(c); });
        expect(no_word(text), [](char c) { return is_control(c) || c == ' ' || c == '\t'; });
        expect(capitals_and_colons(text), [](char c) { return (c >= 'A' && c <= 'Z') || c == ':'; });
        expect(text.equal(TypeParam::at("0123456789abcdef")).places(),
               [&, i = 0](char c) mutable { return c == "0123456789abcdef"[i++]; });
        expect(not_in_target(text), [](char c) { return !is(target_char, c); });
      }
    }
  }
}

TYPED_TEST(SixteenTest, TakesItsHalvesFromTwoPlaces) {
  const std::string_view low = "abc:efgh";
  const std::string_view high = "ijklmno:";
  EXPECT_EQ(colons_and_line_feeds(TypeParam::of(low.data(), high.data())), 1u << 3 | 1u << 15);
}

// Each text in memory of its own, so that a sanitizer sees a look behind its end.
TEST(Find, FindsTheFirstPlaceInTextsOfAnySize) {
  for (std::size_t size = 0; size < 70; ++size) {
    const auto memory = std::make_unique<char[]>(size);
    const std::string_view text{memory.get(), size};
    const auto first_colon = [&] { return find(text, colons_and_line_feeds<Sixteen>); };
    std::fill_n(memory.get(), size, 'x');
    ASSERT_EQ(first_colon(), size);
    for (std::size_t place = size; place-- > 0;) {
      memory[place] = ':';
      ASSERT_EQ(first_colon(), place) << "of " << size;
    }
  }
}

TEST(FindGuarded, FindsTheFirstPlaceAcrossSteps) {
  for (std::size_t place = 0; place < 50; ++place) {
    const std::string text = std::string(place, 'x') + ':' + std::string(sixteen, ':');
    ASSERT_EQ(find_guarded(text.data(), colons_and_line_feeds<Sixteen>), text.data() + place);
  }
}

}  // namespace
}  // namespace culvert::wire
