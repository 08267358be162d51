// What would break: serving at all; reloads that cut connections or keep closed doors open; limits that let too many in
// or lock everybody out; an end that comes too early or never.
#include "daemon/worker.hpp"

#include <gtest/gtest.h>

#include <future>

#include "config/load.hpp"
#include "daemon/blocking_client.hpp"
#include "daemon/learner.hpp"
#include "daemon/password_pool.hpp"
#include "daemon/temporary_folder.hpp"
#include "net/pool_resolver.hpp"
#include "proxy/authenticator.hpp"

namespace culvert::daemon {
namespace {

class NoLog final : public proxy::LogSink {
 public:
  void submit(std::string& buffer, std::uint32_t) override { buffer.clear(); }
};

class WorkerTest : public testing::Test {
 protected:
  ~WorkerTest() override {
    if (!worker_) return;
    worker_->stop();
    worker_->join();
  }

  // Listeners by name with their address; every request is answered with `body`.
  std::string text(const std::vector<std::pair<std::string, std::string>>& listeners, const std::string& body,
                   const std::string& of_each = {}) {
    std::string result;
    for (const auto& [name, address] : listeners) {
      result += "[listener." + name + "]\naddress = \"" + address + "\"\n" + of_each;
    }
    return result + "[[route]]\nrespond = { status = 200, body = \"" + body + "\" }\n";
  }

  void apply(const std::string& written) {
    const config::Loaded loaded = config::load(folder_.write("culvert.toml", written));
    ASSERT_TRUE(loaded.config) << config::to_text(loaded.diagnostics);
    ListenSockets::Opened opened = sockets_.open_new(*loaded.config);
    ASSERT_TRUE(opened.errors.empty()) << opened.errors.front();
    limits_.process.set_limit(loaded.config->limits.max_connections);
    limits_.clients.set_limit(loaded.config->limits.max_connections_per_client.value_or(0));
    std::vector<ConnectionLimit*> limits;
    for (const config::Listener& listener : loaded.config->listeners) {
      const auto entry = listener_limits_.try_emplace(listener.name, [this] { worker_->seek_room(); }).first;
      entry->second.set_limit(listener.max_connections);
      limits.push_back(&entry->second);
    }
    if (!worker_) worker_ = std::make_unique<Worker>(proxy::FleetSeat{fleets_, 0}, limits_, resolver_, passwords_, log_, learner_);
    std::promise<void> applied;
    const std::vector<Service::Tls> tls(loaded.config->listeners.size());
    worker_->apply({loaded.config, limits, tls, 0, std::move(opened.of_worker.front())}, [&applied] { applied.set_value(); });
    applied.get_future().wait();
    sockets_.keep_only(*loaded.config);
  }

  static bool comes_soon(std::future<void>& happened) {
    return happened.wait_for(std::chrono::seconds(BlockingClient::patience_s)) == std::future_status::ready;
  }

  TemporaryFolder folder_;
  NoLog log_;
  Learner learner_{[] {}};
  Limits limits_{ConnectionLimit([this] { worker_->seek_room(); }), ClientLimit([](std::uint64_t) {})};
  proxy::Fleets fleets_{1};
  std::map<std::string, ConnectionLimit> listener_limits_;
  ListenSockets sockets_{1, true};
  std::unique_ptr<Worker> worker_;
  net::PoolResolver resolver_;
  proxy::GuessLimit guesses_;
  PasswordPool password_pool_;
  const proxy::Passwords passwords_{password_pool_, guesses_};
  const std::uint16_t port_ = free_port();
  const std::string web_ = "127.0.0.1:" + std::to_string(port_);
  const std::string path_ = folder_ / "culvert.sock";
};

TEST_F(WorkerTest, ServesTcpAndUnixSockets) {
  apply(text({{"web", web_}, {"local", "unix:" + path_}}, "hello"));
  EXPECT_TRUE(BlockingClient(port_).get("hello"));
  EXPECT_TRUE(BlockingClient(path_).get("hello"));
}

TEST_F(WorkerTest, AReloadChangesRoutesUnderAConnectionThatStands) {
  apply(text({{"web", web_}}, "one"));
  BlockingClient client(port_);
  EXPECT_TRUE(client.get("one"));
  apply(text({{"web", web_}}, "two"));
  EXPECT_TRUE(client.get("two"));
  EXPECT_TRUE(BlockingClient(port_).get("two"));
}

TEST_F(WorkerTest, AReloadOpensAndClosesListeners) {
  apply(text({{"web", web_}}, "x"));
  apply(text({{"web", web_}, {"local", "unix:" + path_}}, "x"));
  BlockingClient idle(path_);
  EXPECT_TRUE(idle.get("x"));
  apply(text({{"web", web_}}, "x"));
  EXPECT_FALSE(BlockingClient(path_).connected());
  EXPECT_TRUE(idle.is_closed()) << "nobody is at a request there";
  EXPECT_TRUE(BlockingClient(port_).get("x"));
}

TEST_F(WorkerTest, AnAddressMayGoToAListenerOfAnotherName) {
  const std::string routes = "[[route]]\nlistener = \"LISTENER\"\nrespond = { status = 200, body = \"LISTENER\" }\n";
  const auto named = [&](const std::string& name) {
    std::string route = routes;
    for (auto at = route.find("LISTENER"); at != std::string::npos; at = route.find("LISTENER")) {
      route.replace(at, 8, name);
    }
    return "[listener." + name + "]\naddress = \"" + web_ + "\"\n" + route;
  };
  apply(named("before"));
  EXPECT_TRUE(BlockingClient(port_).get("before"));
  apply(named("after"));
  EXPECT_TRUE(BlockingClient(port_).get("after"));
}

TEST_F(WorkerTest, TheConnectionBeyondTheProcessLimitWaitsForAPlace) {
  apply("[limits]\nmax_connections = 1\n" + text({{"web", web_}}, "x"));
  auto first = std::make_unique<BlockingClient>(port_);
  EXPECT_TRUE(first->get("x"));
  BlockingClient second(port_);
  second.send_get();
  EXPECT_TRUE(first->get("x")) << "who is in goes on";
  EXPECT_TRUE(second.is_silent());
  EXPECT_EQ(limits_.process.taken(), 1u);
  first.reset();
  EXPECT_TRUE(second.receive("x"));
}

TEST_F(WorkerTest, TheConnectionBeyondAListenersLimitWaitsForAPlace) {
  apply(text({{"web", web_}, {"local", "unix:" + path_}}, "x", "max_connections = 1\n"));
  auto first = std::make_unique<BlockingClient>(port_);
  EXPECT_TRUE(first->get("x"));
  BlockingClient second(port_);
  second.send_get();
  EXPECT_TRUE(first->get("x"));
  EXPECT_TRUE(second.is_silent());
  EXPECT_TRUE(BlockingClient(path_).get("x")) << "another listener has places of its own";
  first.reset();
  EXPECT_TRUE(second.receive("x"));
}

TEST_F(WorkerTest, AHigherLimitLetsThoseInWhoWait) {
  apply("[limits]\nmax_connections = 1\n" + text({{"web", web_}}, "x"));
  BlockingClient first(port_);
  EXPECT_TRUE(first.get("x"));
  BlockingClient second(port_);
  second.send_get();
  apply("[limits]\nmax_connections = 2\n" + text({{"web", web_}}, "x"));
  EXPECT_TRUE(second.receive("x"));
  EXPECT_TRUE(first.get("x"));
}

TEST_F(WorkerTest, OneConnectionTooManyOfAClientIsClosed) {
  apply("[limits]\nmax_connections_per_client = 1\n" + text({{"web", web_}}, "x"));
  BlockingClient first(port_);
  EXPECT_TRUE(first.get("x"));
  EXPECT_TRUE(BlockingClient(port_).is_closed());
  EXPECT_TRUE(first.get("x"));
}

TEST_F(WorkerTest, DrainingEndsWithTheLastConnection) {
  apply(text({{"web", web_}}, "x"));
  BlockingClient idle(port_);
  EXPECT_TRUE(idle.get("x"));
  BlockingClient busy(port_);
  busy.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_TRUE(idle.get("x")) << "so the worker has seen what came before";
  std::promise<void> drained;
  std::future<void> happened = drained.get_future();
  worker_->drain([&drained] { drained.set_value(); });
  EXPECT_TRUE(idle.is_closed());
  EXPECT_FALSE(BlockingClient(port_).connected());
  EXPECT_EQ(happened.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << "a request is under way";
  busy.send(" a\r\n\r\n");
  EXPECT_TRUE(busy.receive("x"));
  EXPECT_TRUE(comes_soon(happened));
  EXPECT_EQ(limits_.process.taken(), 0u);
}

TEST_F(WorkerTest, DrainingAnIdleWorkerEndsAtOnce) {
  apply(text({{"web", web_}}, "x"));
  std::promise<void> drained;
  std::future<void> happened = drained.get_future();
  worker_->drain([&drained] { drained.set_value(); });
  EXPECT_TRUE(comes_soon(happened));
}

TEST_F(WorkerTest, StoppingCutsWhatIsLeft) {
  apply(text({{"web", web_}}, "x"));
  BlockingClient client(port_);
  EXPECT_TRUE(client.get("x"));
  worker_->stop();
  EXPECT_TRUE(client.is_closed());
}

}  // namespace
}  // namespace culvert::daemon
