#include "admin/admin_server.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <set>
#include <utility>

#include "admin/inquiry.hpp"
#include "base/log.hpp"
#include "net/listen_socket.hpp"

namespace culvert::admin {

namespace {

struct Wanted {
  Address address;
  bool is_probe = false;
  bool is_written = true;
};

// The standard one only where its folder is ours to write.
std::vector<Wanted> wanted(const config::Admin& settings) {
  std::vector<Wanted> all;
  if (settings.addresses) {
    for (const Address& address : *settings.addresses) all.push_back({.address = address});
  } else {
    const Address standard = AdminServer::standard_address();
    const std::string folder = standard.text.substr(0, standard.text.rfind('/'));
    if (::access(folder.c_str(), W_OK) == 0) all.push_back({.address = standard, .is_written = false});
  }
  for (const Address& address : settings.probe_addresses) all.push_back({.address = address, .is_probe = true});
  return all;
}

ServerOptions server_options() {
  ServerOptions options;
  options.headers_timeout = std::chrono::seconds(10);
  options.request_timeout = std::chrono::seconds(30);
  options.connections_checking_interval = std::chrono::seconds(1);
  options.strict = true;
  options.send_timeout = std::chrono::seconds(30);
  return options;
}

}  // namespace

Address AdminServer::standard_address() {
  const char* made = std::getenv("RUNTIME_DIRECTORY");  // several are separated by colons
  const std::string folders = made == nullptr ? "/run/culvert" : made;
  return {.kind = Address::Kind::unix_path, .text = folders.substr(0, folders.find(':')) + "/admin.sock"};
}

AdminServer::AdminServer(Http& http, Operations& operations, const proxy::Passwords& passwords)
    : http_(http), operations_(operations), passwords_(passwords) {}

AdminServer::~AdminServer() {
  for (auto& [text, place] : places_) {
    if (place->address.kind == Address::Kind::unix_path) ::unlink(place->address.text.c_str());
  }
}

std::vector<std::string> AdminServer::open_new(const config::Config& config) {
  std::vector<std::string> errors;
  for (const Wanted& each : wanted(config.admin)) {
    const std::string text = each.address.to_string();
    const auto known = places_.find(text);
    if (known != places_.end()) {
      known->second->is_probe = each.is_probe;
      continue;
    }
    const std::error_code error = open(each.address, each.is_probe);
    if (!error) continue;
    if (each.is_written) {
      errors.push_back("cannot listen on " + text + ": " + error.message() + " [admin]");
    } else {
      log::warn("operators are not served: {}: {}; another culvert may be there", text, error);
    }
  }
  return errors;
}

std::error_code AdminServer::open(const Address& address, bool is_probe) {
  Result<net::ListenSocket> socket = net::ListenSocket::open(address, {.backlog = 64});
  if (!socket) return socket.error();
  const bool is_path = address.kind == Address::Kind::unix_path;
  if (is_path && ::chmod(address.text.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) != 0) {
    return {errno, std::system_category()};
  }
  auto place = std::make_unique<Place>(Place{address, http_.create_server(server_options()), is_probe});
  Place& made = *place;
  places_.emplace(address.to_string(), std::move(place));
  made.server->on_request([this, &made](IncomingMessage& request, ServerResponse& response) {
    Inquiry::begin(*this, request, response, made.is_probe);
  });
  made.server->on_error([](std::error_code) {});  // of one connection that could not be taken
  ListenOptions options;
  options.fd = socket->release();
  made.server->listen(options);
  return {};
}

void AdminServer::keep_only(const config::Config& config) {
  settings_ = config.admin;
  const bool same_users = authenticator_ && !settings_.auth.empty() && authenticator_->settings == config.auths.at(settings_.auth);
  if (settings_.auth.empty()) {
    authenticator_ = {};
  } else if (!same_users) {
    authenticator_ = make_ref<proxy::Authenticator>(config.auths.at(settings_.auth), http_.loop(), passwords_);
  }
  std::set<std::string> named;
  for (const Wanted& each : wanted(settings_)) named.insert(each.address.to_string());
  for (auto entry = places_.begin(); entry != places_.end();) {
    if (named.contains(entry->first)) {
      ++entry;
      continue;
    }
    close(std::move(entry->second));
    entry = places_.erase(entry);
  }
}

// It goes when its last answer has gone, not from inside its own request.
void AdminServer::close(std::unique_ptr<Place> place) {
  if (place->address.kind == Address::Kind::unix_path) ::unlink(place->address.text.c_str());
  std::erase_if(closing_, [](const auto& each) { return each->server->connections() == 0; });
  closing_.push_back(std::move(place));
  closing_.back()->server->close();
}

}  // namespace culvert::admin
