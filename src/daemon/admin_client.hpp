// One question to a running culvert: what the commands are made of.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "culvert/endpoint.hpp"
#include "culvert/error.hpp"

namespace culvert::daemon {

struct AdminAnswer {
  std::uint16_t status = 0;
  std::string body;
};

// Asks the admin server at `where` and waits for the answer, at most for `timeout`. `user` is "NAME:PASSWORD", or empty.
Result<AdminAnswer> ask_admin(const Address& where, const std::string& method, const std::string& path,
                              const std::string& user, std::chrono::milliseconds timeout);

}  // namespace culvert::daemon
