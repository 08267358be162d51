// An access log's lines, kept as one text.
#pragma once
#include <cstdint>
#include <string>

#include "proxy/access_log.hpp"

namespace culvert::proxy {

struct CollectedLines final : LogSink {
  void submit(std::string& buffer, std::uint32_t) override {
    text += buffer;
    buffer.clear();
  }
  std::string text;
};

}  // namespace culvert::proxy
