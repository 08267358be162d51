// What would break: listeners would be called when they are gone, missed, or destroyed under their own feet.
#include "culvert/event.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace culvert {
namespace {

TEST(Delegate, CallsSmallAndLargeOnes) {
  int sum = 0;
  Delegate<void(int)> small = [&](int n) { sum += n; };
  std::array<int, 16> many{};
  many[15] = 100;
  Delegate<void(int)> large = [&sum, many](int n) { sum += n + many[15]; };
  small(1);
  large(2);
  EXPECT_EQ(sum, 103);
}

TEST(Delegate, AMoveLeavesItEmpty) {
  int calls = 0;
  Delegate<void()> first = [&] { ++calls; };
  Delegate<void()> second = std::move(first);
  EXPECT_FALSE(first);
  ASSERT_TRUE(second);
  second();
  first = std::move(second);
  first();
  EXPECT_EQ(calls, 2);
}

TEST(Delegate, DestroysWhatItCaptured) {
  auto token = std::make_shared<int>(1);
  {
    Delegate<void()> holds = [token] {};
    EXPECT_EQ(token.use_count(), 2);
    Delegate<void()> moved = std::move(holds);
    EXPECT_EQ(token.use_count(), 2);
    moved = Delegate<void()>([] {});
    EXPECT_EQ(token.use_count(), 1);
    moved = [token] {};
    moved.clear();
    EXPECT_EQ(token.use_count(), 1);
    moved = [token] {};
  }
  EXPECT_EQ(token.use_count(), 1);
}

class EventTest : public ::testing::Test {
 protected:
  auto note(char name) {
    return [this, name](int) { log_ += name; };
  }
  Event<int> event_;
  std::string log_;
};

TEST_F(EventTest, CallsInTheOrderOfRegistration) {
  event_.emit(0);
  event_(note('a'));
  event_(note('b'));
  event_(note('c'));
  EXPECT_EQ(event_.listener_count(), 3u);
  event_.emit(0);
  EXPECT_EQ(log_, "abc");
}

TEST_F(EventTest, OffTakesOneAway) {
  event_(note('a'));
  const ListenerId b = event_(note('b'));
  event_.off(b);
  event_.off(b);
  event_.off(12345);
  EXPECT_EQ(event_.listener_count(), 1u);
  event_.emit(0);
  EXPECT_EQ(log_, "a");
}

TEST_F(EventTest, AFirstListenerAddedLaterStillComesLast) {
  const ListenerId a = event_(note('a'));
  event_(note('b'));
  event_.off(a);
  event_(note('c'));
  event_.emit(0);
  EXPECT_EQ(log_, "bc");
}

TEST_F(EventTest, OnceIsOnce) {
  event_.once(note('a'));
  event_(note('b'));
  event_.once(note('c'));
  event_.emit(0);
  EXPECT_EQ(event_.listener_count(), 1u);
  event_.emit(0);
  EXPECT_EQ(log_, "abcb");
}

TEST_F(EventTest, OnceIsTakenOffBeforeItIsCalled) {
  std::size_t listeners = 99;
  event_.once([&](int depth) {
    listeners = event_.listener_count();
    log_ += 'x';
    if (depth == 0) event_.emit(1);
  });
  event_.emit(0);
  EXPECT_EQ(listeners, 0u);
  EXPECT_EQ(log_, "x");
}

TEST_F(EventTest, AddedDuringAnEmissionItWaitsForTheNext) {
  event_([&](int) {
    log_ += 'a';
    event_.once(note('n'));
  });
  event_.emit(0);
  EXPECT_EQ(log_, "a");
  event_.emit(0);
  EXPECT_EQ(log_, "aan");
}

TEST_F(EventTest, RemovedDuringAnEmissionItIsNotCalledAnyMore) {
  ListenerId c = 0;
  event_([&](int) {
    log_ += 'a';
    event_.off(c);
  });
  event_(note('b'));
  c = event_(note('c'));
  event_.emit(0);
  EXPECT_EQ(log_, "ab");
}

TEST_F(EventTest, AListenerMayTakeItselfOffAndStillUseItsCaptures) {
  ListenerId self = 0;
  const std::string text = "a capture too large for the small place, destroyed only when the listener has returned";
  self = event_([this, &self, text](int) {
    event_.off(self);
    log_ += text;
  });
  event_(note('b'));
  event_.emit(0);
  event_.emit(0);
  EXPECT_EQ(log_, text + "bb");
}

TEST_F(EventTest, AListenerThatWentIsDestroyed) {
  auto token = std::make_shared<int>(1);
  event_(note('a'));
  ListenerId id = 0;
  id = event_([&, token](int) { event_.off(id); });
  event_.once([token](int) {});
  EXPECT_EQ(token.use_count(), 3);
  event_.emit(0);
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(EventTest, OffAllDuringAnEmissionEndsIt) {
  event_([&](int) {
    log_ += 'a';
    event_.off_all();
  });
  event_(note('b'));
  event_.emit(0);
  event_.emit(0);
  EXPECT_EQ(log_, "a");
  EXPECT_EQ(event_.listener_count(), 0u);
}

TEST_F(EventTest, EmissionsNest) {
  event_([&](int depth) {
    log_ += static_cast<char>('0' + depth);
    if (depth < 2) event_.emit(depth + 1);
  });
  event_(note('b'));
  event_.emit(0);
  EXPECT_EQ(log_, "012bbb");
}

TEST_F(EventTest, ANestedEmissionCallsWhatWasAddedBeforeIt) {
  event_.once([&](int depth) {
    event_(note('n'));
    if (depth == 0) event_.emit(1);
  });
  event_.emit(0);
  EXPECT_EQ(log_, "n");
}

TEST_F(EventTest, ManyMayBeAddedWhileOneIsCalled) {
  event_(note('a'));
  event_.once([&](int) {
    for (int i = 0; i < 100; ++i) event_(note('n'));
    log_ += 'b';
  });
  event_.emit(0);
  EXPECT_EQ(log_, "ab");
  event_.emit(0);
  EXPECT_EQ(log_, "aba" + std::string(100, 'n'));
}

TEST(Event, PassesReferencesThrough) {
  Event<std::string&> event;
  event([](std::string& text) { text += "1"; });
  event([](std::string& text) { text += "2"; });
  std::string text;
  event.emit(text);
  EXPECT_EQ(text, "12");
}

}  // namespace
}  // namespace culvert
