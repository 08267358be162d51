// What would break: bytes would be lost, repeated, reordered or read after they are gone when a peer is slow.
#include "culvert/outbox.hpp"

#include "base/block_pool.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace culvert::net {
namespace {

// Takes as many bytes of each write as the script says (everything when it is over) and remembers them.
class ScriptedTransport final : public Transport {
 public:
  std::vector<std::size_t> script;
  std::error_code error;
  std::string sent;
  std::vector<std::size_t> parts;  // of each write

  void attach(Watcher&) override {}
  void want(Interest) override {}
  Result<Bytes> read() override { return Bytes{}; }
  bool is_quiet() override { return true; }
  Result<std::size_t> write(std::span<const iovec> offered) override {
    if (error) return error;
    parts.push_back(offered.size());
    std::string all;
    for (const iovec& part : offered) all.append(static_cast<const char*>(part.iov_base), part.iov_len);
    if (!script.empty()) {
      all.resize(std::min(all.size(), script.front()));
      script.erase(script.begin());
    }
    sent += all;
    return all.size();
  }
  std::error_code shutdown_write() override { return {}; }
  void reset_on_close() override {}
  std::error_code take_error() override { return {}; }
  const Endpoint& local() const override { return nowhere_; }
  const Endpoint& remote() const override { return nowhere_; }

 private:
  Endpoint nowhere_;
};

class OutboxTest : public ::testing::Test {
 protected:
  BlockPool blocks_;
  Outbox outbox_{blocks_};
  ScriptedTransport transport_;
};

TEST_F(OutboxTest, EmptyItHoldsNoBlock) {
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(outbox_.size(), 0u);
  EXPECT_FALSE(outbox_.flush(transport_));
  outbox_.copy({});
  outbox_.borrow({});
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(blocks_.in_use(), 0u);
  EXPECT_TRUE(transport_.parts.empty());
}

TEST_F(OutboxTest, HeadAndBodyLeaveInOneWrite) {
  const std::string body(3000, 'b');
  outbox_.copy(as_bytes("head "));
  outbox_.copy(as_bytes("more "));
  outbox_.borrow(as_bytes(body));
  outbox_.copy(as_bytes(" tail"));
  EXPECT_EQ(outbox_.size(), 3015u);
  EXPECT_FALSE(outbox_.flush(transport_));
  EXPECT_EQ(transport_.sent, "head more " + body + " tail");
  EXPECT_EQ(transport_.parts, std::vector<std::size_t>{3});  // the two copies went as one part
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(blocks_.in_use(), 0u);
}

TEST_F(OutboxTest, SmallBodiesAreCopiedAtOnce) {
  std::string body(Outbox::borrow_min - 1, 'b');
  const std::string expected = "h" + body;
  outbox_.copy(as_bytes("h"));
  outbox_.borrow(as_bytes(body));
  body.assign(body.size(), 'x');
  EXPECT_FALSE(outbox_.flush(transport_));
  EXPECT_EQ(transport_.sent, expected);
  EXPECT_EQ(transport_.parts, std::vector<std::size_t>{1});
}

TEST_F(OutboxTest, WhatTheKernelRefusesIsCopied) {
  std::string body(60'000, 'b');
  const std::string expected = "head" + body + "\r\n";
  outbox_.copy(as_bytes("head"));
  outbox_.borrow(as_bytes(body));
  outbox_.copy(as_bytes("\r\n"));
  transport_.script = {1000};
  EXPECT_FALSE(outbox_.flush(transport_));
  EXPECT_EQ(outbox_.size(), expected.size() - 1000);
  body.assign(body.size(), 'x');
  EXPECT_FALSE(outbox_.flush(transport_));
  EXPECT_EQ(transport_.sent, expected);
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(OutboxTest, ShortWriteEndsTheFlush) {
  outbox_.copy(as_bytes("abc"));
  transport_.script = {1, 2};
  EXPECT_FALSE(outbox_.flush(transport_));
  EXPECT_EQ(transport_.parts.size(), 1u);
  EXPECT_EQ(outbox_.size(), 2u);
}

TEST_F(OutboxTest, AnErrorLeavesNothing) {
  outbox_.copy(as_bytes("abc"));
  transport_.error = std::make_error_code(std::errc::broken_pipe);
  EXPECT_EQ(outbox_.flush(transport_), std::errc::broken_pipe);
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(blocks_.in_use(), 0u);
}

TEST_F(OutboxTest, MovesWithWhatItHolds) {
  Outbox other(blocks_);
  outbox_.copy(as_bytes("abc"));
  other.copy(as_bytes("gone"));
  other = std::move(outbox_);
  Outbox third(std::move(other));
  EXPECT_FALSE(third.flush(transport_));
  EXPECT_EQ(transport_.sent, "abc");
  EXPECT_EQ(blocks_.in_use(), 0u);
}

TEST_F(OutboxTest, SteadyStateTakesBlocksFromThePool) {
  const std::string body(2000, 'b');
  outbox_.borrow(as_bytes(body));
  EXPECT_FALSE(outbox_.flush(transport_));
  EXPECT_EQ(blocks_.kept(), 1u);
  outbox_.borrow(as_bytes(body));
  EXPECT_EQ(blocks_.kept(), 0u);
  EXPECT_FALSE(outbox_.flush(transport_));
  EXPECT_EQ(blocks_.kept(), 1u);
}

// Everything that can be interleaved, against a plain string; the borrowed text is overwritten after each flush.
TEST_F(OutboxTest, KeepsTheOrderWhateverHappens) {
  std::mt19937 random(1);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  std::string expected;
  std::vector<std::string> lent;
  char next = 0;
  for (int round = 0; round < 500; ++round) {
    lent.clear();
    for (std::size_t i = below(60); i > 0; --i) {
      const bool large = below(4) == 0;
      lent.emplace_back(1 + below(large ? 9000 : 600), '\0');
      for (char& c : lent.back()) c = next++;
    }
    for (const std::string& text : lent) {
      expected += text;
      below(2) == 0 ? outbox_.copy(as_bytes(text)) : outbox_.borrow(as_bytes(text));
    }
    transport_.script = {below(2) == 0 ? below(200'000) : below(3000)};
    EXPECT_FALSE(outbox_.flush(transport_));
    EXPECT_EQ(outbox_.size(), expected.size() - transport_.sent.size());
    for (std::string& text : lent) text.assign(text.size(), '?');
  }
  transport_.script.clear();
  EXPECT_FALSE(outbox_.flush(transport_));
  EXPECT_TRUE(transport_.sent == expected);
  EXPECT_EQ(blocks_.in_use(), 0u);
}

}  // namespace
}  // namespace culvert::net
