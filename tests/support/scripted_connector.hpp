// Streams that stand when the test says so; each address answers as the test has it.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/duplex.hpp"
#include "support/held_connect.hpp"
#include "support/world.hpp"

namespace culvert::test {

class ScriptedConnector final : public Connector {
 public:
  explicit ScriptedConnector(World& world) : world_(world) {}
  Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions&) override {
    const std::string ip = address.ip.ip();
    asked.push_back(ip);
    if (unreachable.contains(ip)) return std::make_error_code(std::errc::network_unreachable);
    if (refusing.contains(ip)) return std::unique_ptr<Transport>(Duplex::refused(loop(), {}));
    auto stream = std::make_unique<HeldConnect>(world_.connect().first);
    streams.push_back(stream.get());
    if (standing.contains(ip)) stream->stand();
    return std::unique_ptr<Transport>(std::move(stream));
  }
  ManualLoop& loop() { return static_cast<ManualLoop&>(world_.loop()); }

  std::vector<std::string> asked;
  std::vector<HeldConnect*> streams;
  std::set<std::string> unreachable;
  std::set<std::string> refusing;
  std::set<std::string> standing;  // at once

 private:
  World& world_;
};

}  // namespace culvert::test
