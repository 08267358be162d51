#include "daemon/tls_contexts.hpp"

#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

namespace culvert::daemon {

namespace {

// For this machine under all the names that it has for itself.
PemPair development_pair() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const std::array<std::string_view, 5> names{"localhost", "*.localhost", "127.0.0.1", "::1", host};
  return make_self_signed(std::span(names).first(host[0] == 0 ? names.size() - 1 : names.size()));
}

net::TlsServerSettings settings_of(const config::Tls& written) {
  net::TlsServerSettings settings{
      .certificates = written.certificates,
      .only_1_3 = written.only_1_3,
      .alpn = written.alpn,
      .refuses_unknown_names = written.unknown_server_name == config::UnknownServerName::refuse,
      .client_auth = written.client_auth,
      .handshake_timeout = written.handshake_timeout};
  if (settings.certificates.empty()) settings.certificates.push_back(development_pair());
  return settings;
}

}  // namespace

void TlsContexts::apply(const config::Config& config) {
  const std::map<std::string, Made> before = std::exchange(made_, {});
  for (const auto& [name, written] : config.tls) {
    const auto old = before.find(name);
    const bool same = old != before.end() && old->second.settings == written;
    made_.emplace(name, same ? old->second
                             : Made{written, std::make_shared<const net::TlsServerContext>(settings_of(written))});
  }
}

std::shared_ptr<const net::TlsServerContext> TlsContexts::find(const std::string& name) const {
  return name.empty() ? nullptr : made_.at(name).context;
}

}  // namespace culvert::daemon
