#include "daemon/inherited_sockets.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

#include "config/addresses.hpp"
#include "config/diagnostic.hpp"
#include "config/suggest.hpp"
#include "net/socket_address.hpp"

namespace culvert::daemon {

namespace {

constexpr int first_fd = 3;         // SD_LISTEN_FDS_START
constexpr int sockets_max = 65'536;
constexpr std::string_view unnamed = "unknown";  // as sd_listen_fds_with_names() calls them

std::string take_variable(const char* name) {
  const char* const text = std::getenv(name);
  std::string value = text == nullptr ? "" : text;
  unsetenv(name);
  return value;
}

int number_of(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

// "http:https:http"
std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(':'), text.size());
    names.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

// Takes `fd` if it is one to accept streams from.
std::optional<net::ListenSocket> adopt(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return std::nullopt;
  Result<net::ListenSocket> socket = net::ListenSocket::adopt(fd);
  if (!socket) return std::nullopt;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return std::move(*socket);
}

}  // namespace

InheritedSockets InheritedSockets::from_environment() {
  const std::string pid = take_variable("LISTEN_PID");
  const int count = number_of(take_variable("LISTEN_FDS"));
  const std::vector<std::string> names = split_names(take_variable("LISTEN_FDNAMES"));
  InheritedSockets sockets;
  if (count <= 0 || count > sockets_max) return sockets;
  if (number_of(pid) != ::getpid()) {
    sockets.why_empty_ = "they are for process " + pid + " (LISTEN_PID), and this one is " + std::to_string(::getpid());
    return sockets;
  }
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    Row& row = sockets.rows_.emplace_back();
    row.name = index < names.size() && !names[index].empty() ? names[index] : std::string(unnamed);
    if (std::optional<net::ListenSocket> socket = adopt(first_fd + i)) {
      row.socket = std::move(*socket);
      row.address = net::bound_address(row.socket.fd());
    }
  }
  return sockets;
}

InheritedSockets::Bound InheritedSockets::bind(std::shared_ptr<const config::Config> config) const {
  if (std::ranges::all_of(config->listeners, [](const auto& listener) { return listener.inherited.empty(); })) {
    return {std::move(config), {}};
  }
  Bound bound;
  const auto copy = std::make_shared<config::Config>(*config);
  Taken taken;
  for (const config::Listener& listener : copy->listeners) {
    for (const Address& address : listener.addresses) taken.emplace(address.to_string(), listener.name);
  }
  for (config::Listener& listener : copy->listeners) {
    for (const std::string& name : listener.inherited) {
      for (const std::string& why : add_addresses(listener, name, taken)) {
        std::string& error = bound.errors.emplace_back("cannot listen on ");
        error.append(config::inherited_prefix).append(name).append(": ").append(why);
        error.append(" [listener.").append(listener.name).append("]");
      }
    }
  }
  bound.config = copy;
  return bound;
}

// Those of the sockets of that name. Returns what is in the way.
std::vector<std::string> InheritedSockets::add_addresses(config::Listener& listener, const std::string& name,
                                                         Taken& taken) const {
  std::vector<std::string> errors;
  bool found = false;
  for (const Row& row : rows_) {
    if (row.name != name) continue;
    found = true;
    const std::string address = row.address.to_string();
    if (row.socket.fd() < 0) {
      errors.emplace_back("what was passed in does not listen for streams (a socket unit with Accept=yes?)");
    } else if (const auto [first, is_new] = taken.emplace(address, listener.name); !is_new) {
      errors.push_back("listener." + first->second + " has its address, " + address + ", as well");
    } else {
      listener.addresses.push_back(row.address);
    }
  }
  if (!found) errors.push_back(why_none(name));
  return errors;
}

std::string InheritedSockets::why_none(std::string_view name) const {
  const std::string text = "no socket of that name was passed in: ";
  if (rows_.empty()) return text + why_empty_;
  std::vector<std::string_view> names;
  for (const Row& row : rows_) {
    if (std::ranges::find(names, row.name) == names.end()) names.emplace_back(row.name);
  }
  std::string list;
  for (const std::string_view each : names) list.append(list.empty() ? "" : ", ").append(config::in_quotes(each));
  const std::string_view meant = config::nearest(name, names);
  return text + "there is " + list + (meant.empty() ? "" : "; " + config::did_you_mean("fd:" + std::string(meant))) +
         " (FileDescriptorName= of the socket unit says the name)";
}

const net::ListenSocket* InheritedSockets::find(const Address& address) const {
  const auto row = std::ranges::find_if(
      rows_, [&](const Row& each) { return each.socket.fd() >= 0 && each.address.to_string() == address.to_string(); });
  return row == rows_.end() ? nullptr : &row->socket;
}

std::vector<std::string> InheritedSockets::unused(const config::Config& config) const {
  std::vector<std::string> texts;
  for (const Row& row : rows_) {
    const bool used = row.socket.fd() >= 0 && std::ranges::any_of(config.listeners, [&](const auto& listener) {
      return std::ranges::find(listener.addresses, row.address) != listener.addresses.end();
    });
    if (used) continue;
    texts.push_back(config::in_quotes(row.name) + (row.socket.fd() < 0 ? "" : " (" + row.address.to_string() + ")"));
  }
  return texts;
}

}  // namespace culvert::daemon
