// Where operators ask: HTTP/1.1 on culvert's own message model, on the control thread. docs/admin.md has the paths.
//
// Two kinds of address: those of operators, who may do everything, and those of probes, which are told of health and
// metrics alone. A Unix socket is guarded by its file's mode (0660); over TCP operators say who they are where
// [admin].auth is set, and what a browser could have been led to send is refused.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admin/operations.hpp"
#include "config/config.hpp"
#include "culvert/http.hpp"
#include "proxy/authenticator.hpp"

namespace culvert::admin {

class AdminServer {
 public:
  AdminServer(Http& http, Operations& operations, const proxy::Passwords& passwords);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Opens what `config` names and is not open yet. What is in the way: "cannot listen on ...", empty: nothing; an address
  // that nobody has written may be missing. Who does not use what was opened says so by keep_only().
  std::vector<std::string> open_new(const config::Config& config);
  // From now on as `config` says; addresses that it does not name are closed, after the answer that is under way.
  void keep_only(const config::Config& config);

  // Where operators ask if nothing else is written: in the folder that systemd made for it, else in /run/culvert.
  static Address standard_address();

 private:
  friend class Inquiry;
  // One address.
  struct Place {
    Address address;
    std::unique_ptr<Server> server;
    bool is_probe;
  };

  std::error_code open(const Address& address, bool is_probe);
  void close(std::unique_ptr<Place> place);

  Http& http_;
  Operations& operations_;
  const proxy::Passwords& passwords_;
  config::Admin settings_;
  Ref<proxy::Authenticator> authenticator_;  // null: whoever can connect may ask
  std::map<std::string, std::unique_ptr<Place>> places_;  // by Address::to_string()
  std::vector<std::unique_ptr<Place>> closing_;
};

}  // namespace culvert::admin
