// What would break: systemd would wait for a service that is ready, or end one that is well.
#include "daemon/notify_socket.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "daemon/temporary_folder.hpp"

namespace culvert::daemon {
namespace {

using namespace std::chrono_literals;

class NotifySocketTest : public testing::Test {
 protected:
  ~NotifySocketTest() override {
    for (const char* variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(variable);
  }
  // Whoever reads what is sent to `path`, which begins with a zero where it is abstract.
  static Descriptor reader(const std::string& path) {
    Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    EXPECT_EQ(::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    return socket;
  }
  static std::string next(const Descriptor& socket) {
    char bytes[512];
    const ssize_t size = ::recv(socket.number(), bytes, sizeof(bytes), 0);
    return {bytes, size < 0 ? 0 : static_cast<std::size_t>(size)};
  }

  TemporaryFolder folder_;
};

TEST_F(NotifySocketTest, SendsADatagram) {
  const std::string path = folder_ / "notify";
  const Descriptor manager = reader(path);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  const NotifySocket socket = NotifySocket::from_environment();
  ASSERT_TRUE(socket);
  socket.send("READY=1\nSTATUS=well\n");
  EXPECT_EQ(next(manager), "READY=1\nSTATUS=well\n");
}

TEST_F(NotifySocketTest, KnowsAbstractNames) {
  const std::string name = "culvert-test-" + std::to_string(getpid());
  const Descriptor manager = reader('\0' + name);
  setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  NotifySocket::from_environment().send("READY=1\n");
  EXPECT_EQ(next(manager), "READY=1\n");
}

TEST_F(NotifySocketTest, SendsNothingWhereNobodyListens) {
  const std::string absent = folder_ / "absent";
  for (const std::string& path : {std::string(), std::string("notify"), std::string("@"), std::string(200, '/'), absent}) {
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
    const NotifySocket socket = NotifySocket::from_environment();
    EXPECT_FALSE(socket) << path;
    socket.send("READY=1\n");
  }
}

TEST_F(NotifySocketTest, ReadsTheWatchdogThatIsMeantForThisProcess) {
  EXPECT_FALSE(watchdog_interval());
  setenv("WATCHDOG_USEC", "20000000", 1);
  EXPECT_EQ(watchdog_interval(), 20s);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_interval(), 20s);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(watchdog_interval()) << "inherited from somebody's environment";
  unsetenv("WATCHDOG_PID");
  for (const char* text : {"0", "", "20s", "-1"}) {
    setenv("WATCHDOG_USEC", text, 1);
    EXPECT_FALSE(watchdog_interval()) << text;
  }
}

TEST_F(NotifySocketTest, AStatusIsOneLine) {
  EXPECT_EQ(status_line("web\nREADY=1"), "STATUS=web READY=1\n");
  EXPECT_LT(status_line(std::string(100'000, 'x')).size(), 2000u);
}

}  // namespace
}  // namespace culvert::daemon
