// What a record of the access log can hold: one table, by which the schema checks names and the log makes its columns.
// Names are OpenTelemetry's where it has one. Those that begin with "culvert." may also be written without it.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert::config {

// Whether a field is written where the configuration names none: some only where it has what they tell of.
enum class Standard : std::uint8_t { no, yes, with_users, with_certificates, with_tunnels };

// X(id, name, standard), in the order in which standard fields are written.
#define CULVERT_ACCESS_FIELDS(X)                                   \
  X(time, "time", yes)                                               \
  X(client_address, "client.address", yes)                           \
  X(client_port, "client.port", no)                                  \
  X(peer_address, "network.peer.address", no)                        \
  X(user_name, "user.name", with_users)                              \
  X(client_subject, "tls.client.subject", with_certificates)         \
  X(client_name, "tls.client.x509.alternative_names", no)            \
  X(client_fingerprint, "tls.client.hash.sha256", no)                \
  X(method, "http.request.method", yes)                              \
  X(scheme, "url.scheme", yes)                                       \
  X(host, "server.address", yes)                                     \
  X(path, "url.path", yes)                                           \
  X(query, "url.query", yes)                                         \
  X(protocol_version, "network.protocol.version", yes)               \
  X(user_agent, "user_agent.original", yes)                          \
  X(status, "http.response.status_code", yes)                        \
  X(request_bytes, "http.request.body.size", yes)                    \
  X(response_bytes, "http.response.body.size", yes)                  \
  X(duration, "duration", yes)                                       \
  X(first_byte, "culvert.time.first_byte", no)                       \
  X(listener, "culvert.listener", no)                                \
  X(route, "culvert.route", yes)                                     \
  X(upstream, "culvert.upstream", yes)                               \
  X(server, "culvert.server", yes)                                   \
  X(reused, "culvert.reused", yes)                                   \
  X(retries, "culvert.retries", yes)                                 \
  X(hedges, "culvert.hedges", no)                                    \
  X(request_id, "culvert.request_id", yes)                           \
  X(tunnel, "culvert.tunnel", with_tunnels)                          \
  X(rule, "culvert.rule", with_tunnels)                              \
  X(server_name, "tls.client.server_name", with_tunnels)              \
  X(parent, "culvert.parent", with_tunnels)                          \
  X(error_type, "error.type", yes)                                   \
  X(error_cause, "error.cause", yes)

enum class AccessField : std::uint8_t {
#define CULVERT_ROW(id, name, standard) id,
  CULVERT_ACCESS_FIELDS(CULVERT_ROW)
#undef CULVERT_ROW
  request_header,  // any field of the request's head: this prefix and its name
};
inline constexpr std::string_view request_header_prefix = "http.request.header.";

struct AccessFieldRow {
  AccessField field;
  std::string_view name;
  Standard standard;
};
inline constexpr std::array access_field_rows{
#define CULVERT_ROW(id, name, standard) AccessFieldRow{AccessField::id, name, Standard::standard},
    CULVERT_ACCESS_FIELDS(CULVERT_ROW)
#undef CULVERT_ROW
};

// The names, separated by blanks.
#define CULVERT_ROW(id, name, standard) name " "
inline constexpr std::string_view access_field_words = CULVERT_ACCESS_FIELDS(CULVERT_ROW);
#undef CULVERT_ROW

// What `name` stands for, as [log.access] fields writes it; nothing where it stands for nothing.
constexpr std::optional<AccessField> find_access_field(std::string_view name) {
  constexpr std::string_view own = "culvert.";
  for (const AccessFieldRow& row : access_field_rows) {
    if (row.name == name || (row.name.starts_with(own) && row.name.substr(own.size()) == name)) return row.field;
  }
  const bool is_header = name.starts_with(request_header_prefix) && name.size() > request_header_prefix.size();
  return is_header ? std::optional(AccessField::request_header) : std::nullopt;
}
constexpr bool is_access_field(std::string_view name) { return find_access_field(name).has_value(); }

}  // namespace culvert::config
