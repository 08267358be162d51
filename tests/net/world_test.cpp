// What would break: the suites would judge code by doubles that do not behave as sockets do. Everything here is asked
// of the double and of real sockets alike.
#include "support/world.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/duplex.hpp"
#include "support/every_world.hpp"
#include "support/socket_options.hpp"

namespace culvert::test {
namespace {

using namespace std::chrono_literals;

// The code under test: reads what comes, notes what it is told.
struct Tested final : Watcher {
  explicit Tested(std::unique_ptr<Transport> transport) : stream(std::move(transport)) { stream->attach(*this); }
  void on_ready(Ready ready) noexcept override {
    ++calls;
    if (ready.broken) broken = true;
    if (ready.writable) {
      writable = true;
      stream->want({.read = wants_read, .write = false});
    }
    if (!ready.readable) return;
    Result<Bytes> got = stream->read();
    ++reads;
    if (got) {
      received += as_text(*got);
    } else {
      error = got.error();
      stream->want({.read = false, .write = false});
    }
  }
  Result<std::size_t> write(std::string_view text) {
    const iovec part{const_cast<char*>(text.data()), text.size()};
    return stream->write({&part, 1});
  }
  std::unique_ptr<Transport> stream;
  std::string received;
  std::error_code error;
  int calls = 0;
  int reads = 0;
  bool wants_read = true;
  bool writable = false;
  bool broken = false;
};

class WorldTest : public ::testing::TestWithParam<World::Kind> {
 protected:
  WorldTest() : connection_(world_.connect()), tested_(std::move(connection_.first)), peer_(connection_.second) {}
  World world_{GetParam()};
  std::pair<std::unique_ptr<Transport>, TestPeer&> connection_;
  Tested tested_;
  TestPeer& peer_;
};
INSTANTIATE_TEST_SUITE_P(All, WorldTest, every_world, name_of_world);

TEST_P(WorldTest, CarriesTextBothWays) {
  peer_.send("hello");
  ASSERT_TRUE(world_.run_until([&] { return tested_.received == "hello"; }));
  ASSERT_TRUE(tested_.write("world"));
  ASSERT_TRUE(world_.run_until([&] { return peer_.received() == "world"; }));
  EXPECT_FALSE(peer_.closed());
}

TEST_P(WorldTest, NothingHasArrivedIsNoEnd) {
  Result<Bytes> got = tested_.stream->read();
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->empty());
}

TEST_P(WorldTest, WhatHasArrivedIsSeenWithoutReadingIt) {
  tested_.stream->want({.read = false, .write = false});
  EXPECT_TRUE(tested_.stream->is_quiet());
  peer_.send("hello");
  world_.settle();
  EXPECT_FALSE(tested_.stream->is_quiet());
  tested_.stream->want({});
  ASSERT_TRUE(world_.run_until([&] { return tested_.received == "hello"; }));
  EXPECT_TRUE(tested_.stream->is_quiet());
}

TEST_P(WorldTest, AnEndIsSeenWithoutReadingIt) {
  tested_.stream->want({.read = false, .write = false});
  peer_.half_close();
  world_.settle();
  EXPECT_FALSE(tested_.stream->is_quiet());
  peer_.reset();
  world_.settle();
  EXPECT_FALSE(tested_.stream->is_quiet());
}

TEST_P(WorldTest, HalfCloseEndsOneDirection) {
  peer_.send("all");
  peer_.half_close();
  ASSERT_TRUE(world_.run_until([&] { return bool(tested_.error); }));
  EXPECT_EQ(tested_.error, errc::end_of_stream);
  EXPECT_EQ(tested_.received, "all");
  EXPECT_FALSE(tested_.broken);
  ASSERT_TRUE(tested_.write("late"));
  ASSERT_FALSE(tested_.stream->shutdown_write());
  ASSERT_TRUE(world_.run_until([&] { return peer_.closed(); }));
  EXPECT_EQ(peer_.received(), "late");
  EXPECT_FALSE(peer_.error());
}

TEST_P(WorldTest, DestroyingCloses) {
  ASSERT_TRUE(tested_.write("bye"));
  tested_.stream.reset();
  ASSERT_TRUE(world_.run_until([&] { return peer_.closed(); }));
  EXPECT_EQ(peer_.received(), "bye");
  EXPECT_FALSE(peer_.error());
}

TEST_P(WorldTest, ResetOnCloseResets) {
  tested_.stream->reset_on_close();
  tested_.stream.reset();
  ASSERT_TRUE(world_.run_until([&] { return peer_.closed(); }));
  EXPECT_EQ(peer_.error(), std::errc::connection_reset);
}

TEST_P(WorldTest, ClosingWithUnreadBytesResets) {
  tested_.stream->want({.read = false, .write = false});
  peer_.send("unread");
  world_.settle();
  tested_.stream.reset();
  ASSERT_TRUE(world_.run_until([&] { return peer_.closed(); }));
  EXPECT_EQ(peer_.error(), std::errc::connection_reset);
}

TEST_P(WorldTest, AResetIsAnErrorForTheReader) {
  peer_.reset();
  ASSERT_TRUE(world_.run_until([&] { return bool(tested_.error); }));
  EXPECT_EQ(tested_.error, std::errc::connection_reset);
}

TEST_P(WorldTest, WritingToAPeerThatIsGoneFailsSoon) {
  tested_.wants_read = false;
  tested_.stream->want({.read = false, .write = false});
  peer_.close();
  ASSERT_TRUE(tested_.write("into the void"));
  world_.settle();
  EXPECT_FALSE(tested_.write("again"));
  EXPECT_TRUE(tested_.broken);
}

TEST_P(WorldTest, AnOwnerThatWantsNothingHearsOfABreakOnce) {
  tested_.stream->want({.read = false, .write = false});
  world_.settle();
  peer_.reset();
  ASSERT_TRUE(world_.run_until([&] { return tested_.broken; }));
  world_.settle();
  EXPECT_EQ(tested_.calls, 1);
  tested_.stream->want({.read = true, .write = false});
  ASSERT_TRUE(world_.run_until([&] { return bool(tested_.error); }));
  EXPECT_EQ(tested_.error, std::errc::connection_reset);
}

TEST_P(WorldTest, WhoDoesNotWantToReadIsLeftAlone) {
  tested_.stream->want({.read = false, .write = false});
  peer_.send("later");
  world_.settle();
  EXPECT_EQ(tested_.calls, 0);
  tested_.stream->want({.read = true, .write = false});
  ASSERT_TRUE(world_.run_until([&] { return tested_.received == "later"; }));
}

TEST_P(WorldTest, ASlowReaderStopsTheWriter) {
  peer_.stop_reading();
  const std::string part(100'000, 'x');
  std::size_t written = 0;
  for (bool full = false; !full;) {
    Result<std::size_t> taken = tested_.write(part);
    ASSERT_TRUE(taken);
    written += *taken;
    full = *taken < part.size();
    world_.settle();
  }
  tested_.stream->want({.read = true, .write = true});
  world_.settle();
  peer_.start_reading();
  ASSERT_TRUE(world_.run_until([&] { return peer_.received().size() == written; }));
  EXPECT_TRUE(tested_.writable);
}

TEST_P(WorldTest, TheClockStandsStill) {
  const TimePoint before = world_.loop().now();
  world_.settle();
  EXPECT_EQ(world_.loop().now(), before);
  world_.advance(5s);
  world_.settle();
  EXPECT_EQ(world_.loop().now(), before + 5s);
}

TEST_P(WorldTest, ConnectionsToTheWorldsAddressArePeers) {
  EXPECT_EQ(world_.accepted(0), nullptr);
  Result<std::unique_ptr<Transport>> stream = world_.network().connect(world_.address(), {});
  ASSERT_TRUE(stream);
  Tested dialled(std::move(*stream));
  dialled.stream->want({.read = false, .write = true});
  ASSERT_TRUE(world_.run_until([&] { return dialled.writable && world_.accepted(0) != nullptr; }));
  EXPECT_FALSE(dialled.stream->take_error());
  world_.accepted(0)->send("welcome");
  ASSERT_TRUE(world_.run_until([&] { return dialled.received == "welcome"; }));
}

TEST_P(WorldTest, ANewOwnerReadsOn) {
  tested_.stream->want({.read = false, .write = false});
  world_.settle();
  Tested second(std::move(tested_.stream));
  peer_.send("for the second");
  ASSERT_TRUE(world_.run_until([&] { return second.received == "for the second"; }));
  EXPECT_EQ(tested_.calls, 0);
}

class TrickleTest : public WorldTest {};
INSTANTIATE_TEST_SUITE_P(Trickle, TrickleTest, ::testing::Values(World::Kind::trickle), name_of_world);

TEST_P(TrickleTest, EveryReadIsOneByte) {
  peer_.send("12345");
  ASSERT_TRUE(world_.run_until([&] { return tested_.received == "12345"; }));
  EXPECT_EQ(tested_.reads, 5);
}

TEST_P(TrickleTest, LargeBodiesAreNotSlow) {
  const std::string large(Duplex::trickled_bytes + 1000, 'x');
  peer_.send(large);
  ASSERT_TRUE(world_.run_until([&] { return tested_.received == large; }));
  EXPECT_EQ(tested_.reads, static_cast<int>(Duplex::trickled_bytes) + 1);
}

Address ip(std::string_view text, std::uint16_t port = 0) {
  return Address::of(*Endpoint::parse_ip(text, port));
}

// The code under test on both sides of the world's network.
class NetworkTest : public ::testing::TestWithParam<World::Kind> {
 protected:
  Network& network() { return world_.network(); }
  Result<std::unique_ptr<Acceptor>> listen(const ListenOptions& options) {
    return network().listen(
        options,
        [this](std::unique_ptr<Transport> stream) {
          accepted_.push_back(std::make_unique<Tested>(std::move(stream)));
        },
        [](std::error_code) {});
  }
  std::unique_ptr<Tested> dial(const Address& address, const ConnectOptions& options = {}) {
    Result<std::unique_ptr<Transport>> stream = network().connect(address, options);
    EXPECT_TRUE(stream) << stream.error().message();
    return std::make_unique<Tested>(std::move(*stream));
  }
  // How the attempt ends, whether at once or later.
  std::error_code outcome(const Address& address) {
    Result<std::unique_ptr<Transport>> stream = network().connect(address, {});
    if (!stream) return stream.error();
    Tested dialled(std::move(*stream));
    dialled.wants_read = false;
    dialled.stream->want({.read = false, .write = true});
    EXPECT_TRUE(world_.run_until([&] { return dialled.writable; }));
    return dialled.stream->take_error();
  }
  World world_{GetParam()};
  std::vector<std::unique_ptr<Tested>> accepted_;
};
INSTANTIATE_TEST_SUITE_P(All, NetworkTest, every_world, name_of_world);

TEST_P(NetworkTest, WhoListensGetsTheOtherEnd) {
  Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = ip("127.0.0.1")});
  ASSERT_TRUE(acceptor);
  const Endpoint there = (*acceptor)->local();
  EXPECT_GT(there.port, 0);
  const std::unique_ptr<Tested> dialled = dial(ip("127.0.0.1", there.port));
  EXPECT_TRUE(accepted_.empty()) << "from inside the call";
  ASSERT_TRUE(world_.run_until([&] { return accepted_.size() == 1; }));
  Tested& accepted = *accepted_[0];
  EXPECT_EQ(accepted.stream->local(), there);
  EXPECT_EQ(dialled->stream->remote(), there);
  EXPECT_EQ(accepted.stream->remote(), dialled->stream->local());
  ASSERT_TRUE(dialled->write("hello"));
  ASSERT_TRUE(world_.run_until([&] { return accepted.received == "hello"; }));
  ASSERT_TRUE(accepted.write("world"));
  ASSERT_TRUE(world_.run_until([&] { return dialled->received == "world"; }));
}

TEST_P(NetworkTest, EachFreePortIsAnother) {
  Result<std::unique_ptr<Acceptor>> first = listen({.address = ip("127.0.0.1")});
  Result<std::unique_ptr<Acceptor>> second = listen({.address = ip("127.0.0.1")});
  ASSERT_TRUE(first && second);
  EXPECT_NE((*first)->local().port, (*second)->local().port);
  const std::unique_ptr<Tested> one = dial(ip("127.0.0.1", (*first)->local().port));
  const std::unique_ptr<Tested> two = dial(ip("127.0.0.1", (*first)->local().port));
  EXPECT_NE(one->stream->local(), two->stream->local());
}

TEST_P(NetworkTest, AnAddressIsListenedOnOnce) {
  Result<std::unique_ptr<Acceptor>> first = listen({.address = ip("127.0.0.1")});
  ASSERT_TRUE(first);
  const std::uint16_t port = (*first)->local().port;
  EXPECT_EQ(listen({.address = ip("127.0.0.1", port)}).error(), std::errc::address_in_use);
  EXPECT_EQ(listen({.address = ip("0.0.0.0", port)}).error(), std::errc::address_in_use);
  EXPECT_EQ(listen({.address = world_.address()}).error(), std::errc::address_in_use);
  first->reset();
  EXPECT_TRUE(listen({.address = ip("127.0.0.1", port)}));
}

TEST_P(NetworkTest, NobodyListensIsARefusal) {
  Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = ip("127.0.0.1")});
  ASSERT_TRUE(acceptor);
  const Address there = ip("127.0.0.1", (*acceptor)->local().port);
  EXPECT_FALSE(outcome(there));
  EXPECT_EQ(outcome(ip("127.0.0.7", there.ip.port)), std::errc::connection_refused);
  acceptor->reset();
  EXPECT_EQ(outcome(there), std::errc::connection_refused);
}

TEST_P(NetworkTest, EveryAddressOfEitherFamily) {
  Result<std::unique_ptr<Acceptor>> both = listen({.address = ip("::")});
  ASSERT_TRUE(both);
  const std::uint16_t port = (*both)->local().port;
  const std::unique_ptr<Tested> v4 = dial(ip("127.0.0.1", port));
  ASSERT_TRUE(world_.run_until([&] { return accepted_.size() == 1; }));
  EXPECT_EQ(accepted_[0]->stream->remote().ip(), "::ffff:127.0.0.1");
  EXPECT_EQ(v4->stream->remote().ip(), "127.0.0.1");
  const std::unique_ptr<Tested> v6 = dial(ip("::1", port));
  ASSERT_TRUE(world_.run_until([&] { return accepted_.size() == 2; }));
  EXPECT_EQ(accepted_[1]->stream->remote().ip(), "::1");

  Result<std::unique_ptr<Acceptor>> one = listen({.address = ip("::"), .ipv6_only = true});
  ASSERT_TRUE(one);
  EXPECT_EQ(outcome(ip("127.0.0.1", (*one)->local().port)), std::errc::connection_refused);
}

TEST_P(NetworkTest, UnixSocketsHavePaths) {
  char folder[] = "/tmp/culvert-world-XXXXXX";
  const std::filesystem::path where = mkdtemp(folder);
  const Address path{.kind = Address::Kind::unix_path, .ip = {}, .text = where / "socket", .port = 0};
  EXPECT_EQ(outcome(path), std::errc::no_such_file_or_directory);
  {
    Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = path});
    ASSERT_TRUE(acceptor);
    EXPECT_EQ((*acceptor)->local().family, Endpoint::Family::unix_socket);
    EXPECT_EQ(listen({.address = path}).error(), std::errc::address_in_use);
    const std::unique_ptr<Tested> dialled = dial(path);
    ASSERT_TRUE(world_.run_until([&] { return accepted_.size() == 1; }));
    EXPECT_EQ(accepted_[0]->stream->remote().family, Endpoint::Family::unix_socket);
    EXPECT_EQ(socket_options(*dialled->stream), SocketOptions{});
  }
  EXPECT_EQ(outcome(path), std::errc::no_such_file_or_directory);
  std::filesystem::remove_all(where);
}

TEST_P(NetworkTest, ListeningMayEndWhenTheFirstConnectionIsThere) {
  std::unique_ptr<Acceptor> acceptor;
  std::vector<std::unique_ptr<Transport>> streams;
  Result<std::unique_ptr<Acceptor>> opened = network().listen(
      {.address = ip("127.0.0.1")},
      [&](std::unique_ptr<Transport> stream) {
        acceptor.reset();
        streams.push_back(std::move(stream));
      },
      [](std::error_code) {});
  ASSERT_TRUE(opened);
  acceptor = std::move(*opened);
  const Address there = ip("127.0.0.1", acceptor->local().port);
  const std::unique_ptr<Tested> first = dial(there);
  const std::unique_ptr<Tested> second = dial(there);
  ASSERT_TRUE(world_.run_until([&] { return second->broken; }));
  EXPECT_EQ(second->error, std::errc::connection_reset);
  EXPECT_EQ(streams.size(), 1u);
  EXPECT_FALSE(first->broken);
}

TEST_P(NetworkTest, LeavesFromTheAddressAskedFor) {
  const std::unique_ptr<Tested> here =
      dial(world_.address(), {.local = *Endpoint::parse_ip("127.0.0.5")});
  EXPECT_EQ(here->stream->local().ip(), "127.0.0.5");
  EXPECT_GT(here->stream->local().port, 0);
  std::uint16_t port = 20'000;  // and above, where the kernel gives none away by itself: the first that nobody has
  Result<std::unique_ptr<Transport>> there = std::make_error_code(std::errc::address_in_use);
  while (!there && there.error() == std::errc::address_in_use && port < 32'000) {
    there = network().connect(world_.address(), {.local_port = ++port});
  }
  ASSERT_TRUE(there) << there.error().message();
  EXPECT_EQ((*there)->local().to_string(), "127.0.0.1:" + std::to_string(port));
}

TEST_P(NetworkTest, OptionsCanBeAsked) {
  const std::unique_ptr<Tested> plain = dial(world_.address());
  EXPECT_EQ(socket_options(*plain->stream), (SocketOptions{.no_delay = true}));
  const std::unique_ptr<Tested> probing = dial(
      world_.address(), {.no_delay = false, .keep_alive = true, .keep_alive_initial_delay_s = 12});
  EXPECT_EQ(socket_options(*probing->stream), (SocketOptions{.keep_alive = true, .keep_idle_s = 12}));
  probing->stream->set_no_delay(true);
  probing->stream->set_keep_alive(false, 0);
  EXPECT_EQ(socket_options(*probing->stream), (SocketOptions{.no_delay = true, .keep_idle_s = 12}));
  plain->stream->set_keep_alive(true, 0);
  EXPECT_EQ(socket_options(*plain->stream), (SocketOptions{.no_delay = true, .keep_alive = true}));

  Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = ip("127.0.0.1"), .no_delay = false});
  ASSERT_TRUE(acceptor);
  const std::unique_ptr<Tested> dialled = dial(ip("127.0.0.1", (*acceptor)->local().port));
  ASSERT_TRUE(world_.run_until([&] { return accepted_.size() == 1; }));
  EXPECT_EQ(socket_options(*accepted_[0]->stream), SocketOptions{});
}

TEST_P(NetworkTest, AttemptsAreNoted) {
  const ConnectOptions options{.keep_alive = true, .keep_alive_initial_delay_s = 3};
  dial(world_.address());
  dial(world_.address(), options);
  outcome(ip("127.0.0.7", 1));
  ASSERT_EQ(world_.attempts().size(), 3u);
  EXPECT_EQ(world_.attempts()[0].address, world_.address());
  EXPECT_EQ(world_.connect_options(0), ConnectOptions{});
  EXPECT_EQ(world_.connect_options(1), options);
  EXPECT_EQ(world_.attempts()[2].address, ip("127.0.0.7", 1));
}

TEST_P(NetworkTest, NamesAreThoseOfTheTest) {
  FakeResolver& resolver = world_.resolver();
  resolver.add("both.test", {*Endpoint::parse_ip("192.0.2.1"), *Endpoint::parse_ip("2001:db8::1")});
  std::vector<std::string> answers;
  const auto ask = [&](const std::string& name, const LookupOptions& options) {
    return resolver.resolve(world_.loop(), name, 80, options, [&](Result<Endpoints> found) {
      std::string text;
      if (!found) text = std::string(found.error().message());
      if (found) {
        for (const Endpoint& endpoint : *found) text += endpoint.to_string() + ' ';
      }
      answers.push_back(text);
    });
  };
  const Resolution any = ask("both.test", {});
  const Resolution v6 = ask("both.test", {.family = 6, .hints = 8});
  const Resolution none = ask("no.test", {});
  EXPECT_TRUE(answers.empty()) << "from inside the call";
  ASSERT_TRUE(world_.run_until([&] { return answers.size() == 3; }));
  EXPECT_EQ(answers[0], "192.0.2.1:80 [2001:db8::1]:80 ");
  EXPECT_EQ(answers[1], "[2001:db8::1]:80 ");
  EXPECT_EQ(answers[2], make_error_code(errc::name_not_found).message());
  ASSERT_EQ(resolver.asked().size(), 3u);
  EXPECT_EQ(resolver.asked()[1].name, "both.test");
  EXPECT_EQ(resolver.asked()[1].options.family, 6);
  EXPECT_EQ(resolver.asked()[1].options.hints, 8);
}

TEST_P(NetworkTest, NamesCanBeHeldBack) {
  FakeResolver& resolver = world_.resolver();
  resolver.hold();
  int answers = 0;
  const auto count = [&](Result<Endpoints>) { ++answers; };
  const Resolution kept = resolver.resolve(world_.loop(), "a.test", 1, {}, count);
  Resolution dropped = resolver.resolve(world_.loop(), "b.test", 1, {}, count);
  world_.settle();
  EXPECT_EQ(answers, 0);
  dropped = {};
  resolver.release();
  world_.settle();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace culvert::test
