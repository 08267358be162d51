// What would break: a reload would lose connections that wait in a queue, or leave socket files and open ports behind.
#include "daemon/listen_sockets.hpp"

#include <gmock/gmock.h>

#include "daemon/blocking_client.hpp"
#include "daemon/temporary_folder.hpp"

namespace culvert::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ListenSocketsTest : public testing::Test {
 protected:
  static config::Config config(const std::vector<Address>& addresses) {
    config::Config result;
    result.listeners.emplace_back();
    result.listeners.front().name = "web";
    result.listeners.front().addresses = addresses;
    return result;
  }
  static Address tcp(std::uint16_t port) {
    Address address;
    address.ip = *Endpoint::parse_ip("127.0.0.1", port);
    return address;
  }
  Address local() const {
    Address address;
    address.kind = Address::Kind::unix_path;
    address.text = folder_ / "culvert.sock";
    return address;
  }
  bool file_exists() const { return std::filesystem::exists(folder_ / "culvert.sock"); }

  TemporaryFolder folder_;
};

TEST_F(ListenSocketsTest, OneSocketForEachWorker) {
  ListenSockets sockets(2, true);
  const auto opened = sockets.open_new(config({tcp(free_port()), local()}));
  ASSERT_THAT(opened.errors, IsEmpty());
  ASSERT_THAT(opened.of_worker, SizeIs(2));
  for (const auto& of_worker : opened.of_worker) {
    ASSERT_THAT(of_worker, SizeIs(2));
    for (const auto& [address, entry] : of_worker) EXPECT_EQ(entry.shared, address.starts_with("unix:"));
  }
}

TEST_F(ListenSocketsTest, SharesOneSocketWhereToldSo) {
  ListenSockets sockets(2, false);
  const auto opened = sockets.open_new(config({tcp(free_port())}));
  for (const auto& of_worker : opened.of_worker) EXPECT_TRUE(of_worker.begin()->second.shared);
}

TEST_F(ListenSocketsTest, AnAddressThatStaysIsNotOpenedAgain) {
  ListenSockets sockets(2, true);
  const Address first = tcp(free_port());
  const auto before = sockets.open_new(config({first}));
  const Address second = tcp(free_port());
  const auto after = sockets.open_new(config({first, second}));
  for (const auto& of_worker : after.of_worker) {
    ASSERT_THAT(of_worker, SizeIs(1));
    EXPECT_EQ(of_worker.begin()->first, second.to_string());
  }
}

TEST_F(ListenSocketsTest, TellsOfEveryAddressThatIsTaken) {
  ListenSockets others(1, false);
  const Address first = tcp(free_port());
  const auto taken = others.open_new(config({first, local()}));
  ASSERT_THAT(taken.errors, IsEmpty());
  ListenSockets sockets(2, true);
  const auto opened = sockets.open_new(config({first, tcp(free_port()), local()}));
  EXPECT_THAT(opened.errors,
              ElementsAre("cannot listen on " + first.to_string() + ": Address already in use [listener.web]",
                          "cannot listen on " + local().to_string() + ": Address already in use [listener.web]"));
  EXPECT_TRUE(file_exists()) << "it is not ours";
}

TEST_F(ListenSocketsTest, DoesNotShareAPortWithAnotherCulvert) {
  ListenSockets others(2, true);
  const Address address = tcp(free_port());
  const auto taken = others.open_new(config({address}));
  ASSERT_THAT(taken.errors, IsEmpty());
  ListenSockets sockets(2, true);
  EXPECT_THAT(sockets.open_new(config({address})).errors, SizeIs(1));
}

TEST_F(ListenSocketsTest, RemovesTheFileOfAUnixSocket) {
  {
    ListenSockets sockets(2, true);
    auto opened = sockets.open_new(config({local()}));
    EXPECT_TRUE(file_exists());
    opened = {};
    sockets.keep_only(config({}));
    EXPECT_FALSE(file_exists());
    opened = sockets.open_new(config({local()}));
    EXPECT_THAT(opened.errors, IsEmpty());
    EXPECT_TRUE(file_exists());
  }
  EXPECT_FALSE(file_exists()) << "at the end of the process";
}

// What systemd's variables say is tried through the binary (tests/e2e/test_socket_activation.py).
TEST_F(ListenSocketsTest, WithoutInheritedSocketsNamesMeanNothing) {
  const auto named = std::make_shared<config::Config>(config({}));
  named->listeners.front().inherited = {"web"};
  const InheritedSockets none;
  EXPECT_THAT(none.bind(named).errors, SizeIs(1));
  EXPECT_THAT(none.unused(*named), IsEmpty());
  const auto plain = std::make_shared<const config::Config>(config({tcp(80)}));
  EXPECT_EQ(none.bind(plain).config, plain) << "nothing is copied";
}

}  // namespace
}  // namespace culvert::daemon
