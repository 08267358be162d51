// A client with an origin that the test plays, and what happened to its requests, in order.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "culvert/http.hpp"
#include "http/rows.hpp"
#include "support/world.hpp"

namespace culvert::test {

class RequestTest : public ::testing::Test {
 protected:
  RequestTest() {
    http.on_unhandled_error([this](std::error_code why) { unhandled += why.message(); });
  }
  void TearDown() override { EXPECT_EQ(unhandled, ""); }

  RequestOptions to_origin(RequestOptions options = {}) {
    if (options.host.empty()) options.host = "127.0.0.1";
    options.port = world.address().ip.port;
    if (options.agent == nullptr && !options.own_agent && !options.create_connection) options.agent = &agent;
    return options;
  }
  // Writes down every event of the request and its response.
  ClientRequest& record(ClientRequest& request) {
    request.on_socket([this](Socket&) { note("socket"); });
    request.on_response([this](IncomingMessage& response) {
      note("response");
      response.on_data([this](Bytes part) {
        body += as_text(part);
        note("data");
      });
      response.on_end([this] { note("res.end"); });
      response.on_aborted([this] { note("res.aborted"); });
      response.on_error([this](std::error_code why) {
        response_error = why;
        note("res.error");
      });
      response.on_close([this] { note("res.close"); });
      if (on_response) on_response(response);
    });
    request.on_error([this](std::error_code why) {
      error = why;
      note("error");
    });
    request.on_timeout([this] { note("timeout"); });
    request.on_abort([this] { note("abort"); });
    request.on_close([this] {
      closed = true;
      note("close");
    });
    return request;
  }
  ClientRequest& get(RequestOptions options = {}) {
    ClientRequest& request = record(http.request(to_origin(std::move(options))));
    request.end();
    return request;
  }
  // The origin's end of the n-th connection, once a whole head (or `text`) has arrived there.
  TestPeer& origin(std::size_t n = 0, std::string_view text = "\r\n\r\n") {
    const auto arrived = [&] {
      return world.accepted(n) != nullptr && world.accepted(n)->received().find(text) != std::string::npos;
    };
    if (!world.run_until(arrived)) throw std::runtime_error("nothing arrived on connection " + std::to_string(n));
    return *world.accepted(n);
  }
  // Several parts of a body are one, as it is not the question in which pieces they came.
  void note(std::string_view event) {
    if (event == "data" && events.ends_with("data ")) return;
    events.append(event).append(" ");
  }
  bool finishes() {
    return world.run_until([&] { return closed; });
  }

  World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Agent agent{http};
  std::string events;
  std::string body;
  std::string unhandled;
  std::error_code error;
  std::error_code response_error;
  std::function<void(IncomingMessage&)> on_response;
  bool closed = false;
};

}  // namespace culvert::test
