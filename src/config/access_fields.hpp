// What a record of the access log can hold: one table, by which the schema checks names and the log makes its columns.
// Names are OpenTelemetry's where it has one. Those that begin with "culvert." may also be written without it.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert::config {

// X(id, name, standard): standard fields are written where the configuration names none, in this order.
#define CULVERT_ACCESS_FIELDS(X)                                   \
  X(time, "time", true)                                            \
  X(client_address, "client.address", true)                        \
  X(client_port, "client.port", false)                             \
  X(peer_address, "network.peer.address", false)                   \
  X(user_name, "user.name", true)                                  \
  X(method, "http.request.method", true)                           \
  X(scheme, "url.scheme", true)                                    \
  X(host, "server.address", true)                                  \
  X(path, "url.path", true)                                        \
  X(query, "url.query", true)                                      \
  X(protocol_version, "network.protocol.version", true)            \
  X(user_agent, "user_agent.original", true)                       \
  X(status, "http.response.status_code", true)                     \
  X(request_bytes, "http.request.body.size", true)                 \
  X(response_bytes, "http.response.body.size", true)               \
  X(duration, "duration", true)                                    \
  X(first_byte, "culvert.time.first_byte", false)                  \
  X(listener, "culvert.listener", false)                           \
  X(route, "culvert.route", true)                                  \
  X(upstream, "culvert.upstream", true)                            \
  X(server, "culvert.server", true)                                \
  X(reused, "culvert.reused", true)                                \
  X(retries, "culvert.retries", true)                              \
  X(request_id, "culvert.request_id", true)                        \
  X(error_type, "error.type", true)                                \
  X(error_cause, "error.cause", true)

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
  bool standard;
};
inline constexpr std::array access_field_rows{
#define CULVERT_ROW(id, name, standard) AccessFieldRow{AccessField::id, name, standard},
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
