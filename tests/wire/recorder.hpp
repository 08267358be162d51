// Feeds a stream of messages to a parser in pieces of a chosen size, and writes down what came out of it.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "wire/h1_parser.hpp"

namespace culvert::wire {

class Recorder final : public H1Handler {
 public:
  using NextSize = std::function<std::size_t()>;

  explicit Recorder(MessageKind kind) : kind_(kind), parser_(kind, *this) {}

  // Message after message until the bytes end, HTTP ends, or something is wrong.
  const std::string& read(std::string_view bytes, const NextSize& next_size) {
    parser_.begin(arena_, limits);
    std::size_t offered = 0;  // how many bytes have "arrived"
    std::size_t used = 0;
    while (!error && !parser_.stopped() && offered < bytes.size()) {
      offered = std::min(bytes.size(), offered + next_size());
      while (used < offered || paused_) {
        paused_ = false;
        const Fed fed = parser_.feed(as_bytes(bytes.substr(used, offered - used)));
        used += fed.consumed;
        error = fed.error;
        if (error || parser_.stopped()) break;
        if (parser_.complete()) parser_.begin(arena_, limits);
      }
    }
    if (!error) error = parser_.finish();
    if (error) log += "error " + error.message() + "\n";
    if (parser_.stopped()) log += "rest " + std::string(bytes.substr(used)) + "\n";
    return log;
  }
  const std::string& read(std::string_view bytes, std::size_t piece) {
    return read(bytes, [piece] { return piece; });
  }

  ParserLimits limits;
  BodyRule rule = BodyRule::as_framed;
  bool pauses = false;  // at every head and every part of a body
  std::string log;
  std::error_code error;

 private:
  BodyRule on_head() override {
    const MessageHead& head = parser_.head();
    if (kind_ == MessageKind::request) {
      log += "request " + std::string(head.method) + " " + std::string(head.target);
    } else {
      log += "response " + std::to_string(head.status) + " " + std::string(head.reason);
    }
    log += " 1." + std::to_string(head.minor_version) + (head.keep_alive ? " keep-alive" : "") +
           (head.upgrade ? " upgrade" : "") + "\n";
    write("", head.headers);
    pause();
    return head.method == "CONNECT" ? BodyRule::stop : rule;
  }
  void on_body(Bytes part) override {
    body_ += as_text(part);
    ++parts_;
    pause();
  }
  void on_complete() override {
    if (parts_ > 0) log += "body " + body_ + "\n";
    EXPECT_EQ(parser_.body_bytes(), body_.size());
    write("trailer ", parser_.trailers());
    log += "complete\n";
    body_.clear();
    parts_ = 0;
  }
  void pause() {
    if (!pauses) return;
    parser_.pause();
    paused_ = true;
  }
  void write(std::string_view prefix, const HeaderList& headers) {
    for (const Header& header : headers) {
      log += std::string(prefix) + std::string(header.name) + "=" + std::string(header.value) + "\n";
    }
  }

  const MessageKind kind_;
  BlockPool pool_;
  Arena arena_{pool_};
  H1Parser parser_;
  std::string body_;
  int parts_ = 0;
  bool paused_ = false;
};

}  // namespace culvert::wire
