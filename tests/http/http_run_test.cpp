// If these fail, a program ends before its work is done, never ends, or does not learn what went wrong.
#include <gtest/gtest.h>

#include "culvert/http.hpp"

namespace culvert {
namespace {

// An Http of its own: the same in all worlds, on the system's network.
TEST(HttpRun, EndsWhenNothingIsLeftToWaitFor) {
  Http http;
  http.run();
  auto server = http.create_server({}, [](auto&, auto& response) { response.end("hello"); });
  std::string body;
  server->listen(0, "127.0.0.1", [&] {
    http.get({.host = "127.0.0.1", .port = server->address().port}, [&](IncomingMessage& response) {
      response.on_data([&](Bytes part) { body += as_text(part); });
      response.on_end([&] { server->close(); });
    });
  });
  http.run();
  EXPECT_EQ(body, "hello");
}

TEST(HttpRun, ThrowsAnErrorThatNobodyListensTo) {
  Http http;
  auto first = http.create_server();
  first->listen(0, "127.0.0.1", [&] { http.stop(); });
  http.run();
  auto second = http.create_server();
  second->listen(first->address().port, "127.0.0.1");
  EXPECT_THROW(
      try { http.run(); } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::address_in_use);
        throw;
      },
      std::system_error);

  http.on_unhandled_error([&](std::error_code error) {
    EXPECT_EQ(error, std::errc::address_in_use);
    http.stop();
  });
  second->listen(first->address().port, "127.0.0.1");
  http.run();
}

}  // namespace
}  // namespace culvert
