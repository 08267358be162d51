// What would break: scripts and service managers that act on exit codes, people who read what culvert says of a file.
#include "daemon/commands.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <sstream>
#include <vector>

#include "daemon/descriptor.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/temporary_folder.hpp"

namespace culvert::daemon {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr auto good = R"(
[listener.web]
address = "127.0.0.1:8080"
[listener.local]
address = "unix:/tmp/culvert-never-opened.sock"
[[route]]
path = "/api/*"
upstream = "http://127.0.0.1:3000"
[[route]]
respond = { status = 200, body = "x" }
)";
constexpr auto with_warning = R"(
[listener.web]
address = "127.0.0.1:8080"
[[route]]
path = "/*"
respond = { status = 200, body = "x" }
[[route]]
path = "/never/*"
respond = { status = 200, body = "y" }
)";
constexpr auto bad = "[listner.web]\naddress = \"127.0.0.1:8080\"\n";

class Commands : public testing::Test {
 protected:
  int run(std::vector<std::string> arguments) {
    std::vector<const char*> argv{"culvert"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    out_.str({});
    err_.str({});
    return run_command(static_cast<int>(argv.size()), argv.data(), out_, err_);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  TemporaryFolder folder_;

 private:
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Commands, Version) {
  for (const char* spelling : {"version", "--version"}) {
    EXPECT_EQ(run({spelling}), exit_fine);
    EXPECT_THAT(out(), MatchesRegex("culvert [0-9]+\\.[0-9]+\\.[0-9]+ \\(asio [0-9.]+, llhttp [0-9.]+\\)\n"));
  }
}

TEST_F(Commands, Help) {
  for (const char* spelling : {"help", "--help"}) {
    EXPECT_EQ(run({spelling}), exit_fine);
    EXPECT_THAT(out(), HasSubstr("check"));
    EXPECT_THAT(err(), IsEmpty());
  }
}

TEST_F(Commands, WrongUsage) {
  const std::vector<std::vector<std::string>> wrong{
      {}, {"frobnicate"}, {"check", "--nonsense"}, {"run", "--threads"}, {"run", "--log-level", "loud"}};
  for (const auto& arguments : wrong) {
    EXPECT_EQ(run(arguments), exit_usage);
    EXPECT_THAT(out(), IsEmpty());
    EXPECT_FALSE(err().empty());
  }
}

TEST_F(Commands, CheckOfAGoodFile) {
  const std::string path = folder_.write("culvert.toml", good);
  for (const auto& arguments : {std::vector<std::string>{"check", path}, {"check", "--config", path}}) {
    EXPECT_EQ(run(arguments), exit_fine);
    EXPECT_EQ(out(), path + ": ok: 2 listeners, 2 routes, 1 upstream\n");
    EXPECT_THAT(err(), IsEmpty());
  }
  EXPECT_EQ(run({"check", "--quiet", path}), exit_fine);
  EXPECT_THAT(out(), IsEmpty());
}

TEST_F(Commands, CheckOfABadFile) {
  const std::string path = folder_.write("culvert.toml", bad);
  EXPECT_EQ(run({"check", path}), exit_configuration);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_THAT(err(), HasSubstr(path + ":1:2: error: unknown section \"listner\""));
}

TEST_F(Commands, CheckOfNoFile) {
  EXPECT_EQ(run({"check", folder_ / "nowhere.toml"}), exit_configuration);
  EXPECT_THAT(err(), HasSubstr("nowhere.toml"));
}

TEST_F(Commands, CheckInJson) {
  EXPECT_EQ(run({"check", "--json", folder_.write("culvert.toml", bad)}), exit_configuration);
  EXPECT_THAT(out(), HasSubstr("\"unknown-section\""));
  EXPECT_THAT(err(), IsEmpty());
  EXPECT_EQ(run({"check", "--json", folder_.write("culvert.toml", good)}), exit_fine);
  EXPECT_EQ(out(), "[]\n");
}

TEST_F(Commands, WarningsAreErrorsWhereAskedFor) {
  const std::string path = folder_.write("culvert.toml", with_warning);
  EXPECT_EQ(run({"check", path}), exit_fine);
  EXPECT_THAT(err(), HasSubstr("warning: this route is never used"));
  EXPECT_THAT(out(), EndsWith(": ok: 1 listener, 2 routes, 0 upstreams\n"));
  EXPECT_EQ(run({"check", "--strict", path}), exit_configuration);
}

TEST_F(Commands, TheEnvironmentNamesTheFile) {
  const std::string path = folder_.write("culvert.toml", good);
  ::setenv("CULVERT_CONFIG", path.c_str(), 1);
  EXPECT_EQ(run({"check"}), exit_fine);
  EXPECT_THAT(out(), StartsWith(path));
  EXPECT_EQ(run({"check", folder_ / "nowhere.toml"}), exit_configuration) << "the command line counts more";
  ::unsetenv("CULVERT_CONFIG");
}

TEST_F(Commands, RunWithABadFile) {
  EXPECT_EQ(run({"run", "--config", folder_.write("culvert.toml", bad)}), exit_configuration);
}

TEST_F(Commands, RunWithAnAccessLogThatCannotBeOpened) {
  const std::string log = folder_ / "nowhere/access.log";
  const std::string path = folder_.write("culvert.toml", good + ("[log.access]\nfile = \"" + log + "\"\n"));
  EXPECT_EQ(run({"run", "--config", path, "--log-level", "off"}), exit_failure);
}

TEST_F(Commands, RunWhereAnAddressIsTaken) {
  const Descriptor taken(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(taken.number(), name, size), 0);
  ASSERT_EQ(::listen(taken.number(), 1), 0);
  ASSERT_EQ(::getsockname(taken.number(), name, &size), 0);
  const std::string path =
      folder_.write("culvert.toml", "[listener.web]\naddress = \"127.0.0.1:" + std::to_string(ntohs(address.sin_port)) +
                                        "\"\n[[route]]\nrespond = { status = 200, body = \"x\" }\n");
  EXPECT_EQ(run({"run", "--config", path, "--log-level", "off"}), exit_cannot_listen);
}

}  // namespace
}  // namespace culvert::daemon
