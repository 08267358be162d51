#include "config/admin_check.hpp"

#include <algorithm>
#include <map>

#include "config/cross_check.hpp"
#include "config/network.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

bool is_of_this_machine(const Address& address) {
  if (address.kind != Address::Kind::ip) return true;
  return parse_network("127.0.0.0/8")->contains(address.ip) || parse_network("::1/128")->contains(address.ip);
}

void check_who_may_ask(const Node& admin, Diagnostics& diagnostics) {
  const Node* written = admin.value_of("address");
  if (written == nullptr || admin.find("auth") != nullptr) return;
  for (const Node& value : written->values()) {
    if (std::ranges::all_of(listen_addresses_of(value), is_of_this_machine)) continue;
    diagnostics.push_back(error_at(value.at, "admin-without-auth",
                                   in_quotes(value.text) + " lets other machines administrate this one", "",
                                   "add auth = \"NAME\"; for health and metrics alone there is probe_address"));
  }
}

void check_admin_auth(const Node& root, const Node& admin, Diagnostics& diagnostics) {
  const Entry* auth = admin.find("auth");
  const Node* auths = root.value_of("auth");
  if (auth == nullptr || auths == nullptr) return;
  const Node* named = auths->value_of(auth->value.text);
  const Node* type = named == nullptr ? nullptr : named->value_of("type");
  if (type == nullptr || type->text != "certificate") return;
  diagnostics.push_back(error_at(auth->value.at, "admin-without-tls", "operators are known by passwords, and [auth." + auth->value.text + "] is for certificates"));
}

void check_addresses_are_free(const Node& root, const Node& admin, Diagnostics& diagnostics) {
  std::map<std::string, const Node*> taken;
  for (const Entry* listener : named_tables_of(root, "listener")) {
    const Node* addresses = listener->value.value_of("address");
    if (addresses == nullptr) continue;
    for (const Node& value : addresses->values()) {
      for (const Address& address : listen_addresses_of(value)) taken.emplace(address.to_string(), &value);
    }
  }
  for (const std::string_view key : {"address", "probe_address"}) {
    const Node* written = admin.value_of(key);
    if (written == nullptr) continue;
    for (const Node& value : written->values()) {
      for (const Address& address : listen_addresses_of(value)) {
        const auto [first, is_new] = taken.emplace(address.to_string(), &value);
        if (is_new) continue;
        diagnostics.push_back(error_at(value.at, "address-in-use", "somebody else listens at " + in_quotes(address.to_string()),
                                       "second time here")
                                  .with_second(first->second->at, "first given here"));
      }
    }
  }
}

}  // namespace

void check_admin(const Node& root, Diagnostics& diagnostics) {
  const Node* admin = root.value_of("admin");
  if (admin == nullptr || admin->kind != Node::Kind::table) return;
  check_who_may_ask(*admin, diagnostics);
  check_admin_auth(root, *admin, diagnostics);
  check_addresses_are_free(root, *admin, diagnostics);
}

}  // namespace culvert::config
