// What the listeners of a configuration present, as OpenSSL has it. What did not change is kept, so that clients can go on
// with the sessions that they have.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "config/config.hpp"
#include "net/tls_context.hpp"

namespace culvert::daemon {

class TlsContexts {
 public:
  void apply(const config::Config& config);
  // Of [tls.NAME], as it was applied last; null where `name` is empty.
  std::shared_ptr<const net::TlsServerContext> find(const std::string& name) const;

 private:
  struct Made {
    config::Tls settings;
    std::shared_ptr<const net::TlsServerContext> context;
  };
  std::map<std::string, Made> made_;
};

}  // namespace culvert::daemon
