#include "proxy/access_format.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>

#include "base/ascii.hpp"
#include "base/http_date.hpp"
#include "base/json_text.hpp"
#include "culvert/peer_certificate.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {

namespace {

using config::AccessField;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view redacted_text = "[redacted]";

struct TargetParts {
  std::string_view path;
  std::string_view query;
};

// Of "/path?query" and "http://host/path?query"; whatever else a target may be is its path.
TargetParts split(std::string_view target) {
  if (!target.starts_with('/')) {
    const std::size_t authority = target.find("://");
    if (authority == std::string_view::npos) return {target, {}};
    target.remove_prefix(std::min(target.find_first_of("/?", authority + 3), target.size()));
  }
  const std::size_t mark = std::min(target.find('?'), target.size());
  return {target.substr(0, mark), target.substr(std::min(mark + 1, target.size()))};
}

std::string_view without_port(std::string_view host) {
  const std::size_t address_end = host.starts_with('[') ? host.find(']') : 0;
  return host.substr(0, host.find(':', address_end));
}

// One object's members. A member of which nothing is known is left out.
struct Members {
  LineBuffer& line;

  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    line.append(key);
    line.append_json(value);
  }
  void number(std::string_view key, std::uint64_t value) {
    line.append(key);
    line.append_decimal(value);
  }
  void number_unless_zero(std::string_view key, std::uint64_t value) {
    if (value != 0) number(key, value);
  }
  void boolean(std::string_view key, bool value) {
    line.append(key);
    line.append(value ? "true" : "false");
  }
  void address(std::string_view key, const Endpoint& endpoint) {
    char value[64];
    text(key, {value, endpoint.format_ip(value)});
  }
  void elapsed(std::string_view key, Duration duration) {
    const auto micros = static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(duration).count());
    line.append(key);
    line.append_decimal(micros / 1'000'000);
    line.append('.');
    line.append_digits(static_cast<std::uint32_t>(micros % 1'000'000), 6);
  }
};

bool has_head(const AccessRecord& record) { return !record.method.empty(); }
bool has_upstream(const AccessRecord& record) { return !record.server.empty(); }

std::string_view version(const AccessRecord& record) { return record.http_minor_version == 0 ? "1.0" : "1.1"; }

std::uint32_t milliseconds_of(WallTime time) {
  const auto since_epoch = std::chrono::floor<milliseconds>(time).time_since_epoch().count();
  return static_cast<std::uint32_t>(since_epoch % 1000);
}

bool is_standard(config::Standard standard, const config::AccessLog& settings) {
  switch (standard) {
    case config::Standard::no: return false;
    case config::Standard::yes: return true;
    case config::Standard::with_users: return settings.with_users;
    case config::Standard::with_certificates: return settings.with_certificates;
    case config::Standard::with_tunnels: return settings.with_tunnels;
  }
  return false;
}

void append_or_dash(LineBuffer& line, std::string_view text) { line.append_escaped(text.empty() ? "-" : text); }

}  // namespace

AccessFormat::AccessFormat(const config::AccessLog& settings)
    : format_(settings.format), referer_(header("referer", settings)), user_agent_(header("user-agent", settings)) {
  for (const std::string& name : settings.fields) add_column(name, settings);
  if (!settings.fields.empty()) return;
  for (const config::AccessFieldRow& row : config::access_field_rows) {
    if (is_standard(row.standard, settings)) add_column(row.name, settings);
  }
}

AccessFormat::LoggedHeader AccessFormat::header(std::string_view name, const config::AccessLog& settings) {
  // What is meant for culvert alone is never shown, whatever the configuration says.
  const bool redacted = ascii::iequals(name, wire::spelling(HeaderId::proxy_authorization)) ||
                        std::any_of(settings.redact.begin(), settings.redact.end(),
                                    [&](const std::string& secret) { return ascii::iequals(secret, name); });
  return {wire::header_id(name), std::string(name), redacted};
}

void AccessFormat::add_column(std::string_view name, const config::AccessLog& settings) {
  const std::optional<AccessField> field = config::find_access_field(name);
  assert(field);  // the configuration was checked by the same table
  Column& column = columns_.emplace_back();
  column.field = *field;
  column.key = ',';
  append_json_string(column.key, name);
  column.key += ':';
  if (*field == AccessField::user_agent) column.header = user_agent_;
  if (*field == AccessField::request_header) {
    column.header = header(name.substr(config::request_header_prefix.size()), settings);
  }
}

std::string_view AccessFormat::LoggedHeader::value(const AccessRecord& record) const {
  if (record.request_headers == nullptr) return {};
  const HeaderList& headers = *record.request_headers;
  const Header* line = id == HeaderId::other ? headers.find(name) : headers.find(id);
  if (line == nullptr) return {};
  return redacted ? redacted_text : line->value;
}

std::string_view AccessFormat::line(const AccessRecord& record) {
  read_clock(record.time);
  line_.clear();
  if (format_ == config::AccessFormat::json) {
    append_json(record);
  } else {
    append_combined(record);
  }
  line_.append('\n');
  return line_.text();
}

void AccessFormat::read_clock(WallTime time) {
  const auto second = std::chrono::floor<seconds>(time);
  if (second == second_) return;
  second_ = second;
  if (format_ == config::AccessFormat::json) {
    char iso[iso_time_chars];
    format_iso_time(iso, second);
    second_text_.assign("\"").append(iso, iso_time_chars - 4);  // all but the digits behind the point, and Z
  } else {
    char date[http_date_chars];  // Sat, 21 Nov 2026 10:00:00 GMT
    format_http_date(date, WallTime::clock::to_time_t(second));
    const std::string_view text(date, http_date_chars);
    second_text_.assign(text.substr(5, 2)).append("/").append(text.substr(8, 3)).append("/").append(text.substr(12, 4));
    second_text_.append(":").append(text.substr(17, 8)).append(" +0000");
  }
}

void AccessFormat::append_json(const AccessRecord& record) {
  for (const Column& column : columns_) append_field(column, record);
  if (line_.size() == 0) line_.append(',');
  line_[0] = '{';  // in place of the first member's comma
  line_.append('}');
}

void AccessFormat::append_field(const Column& column, const AccessRecord& record) {
  Members to{line_};
  const std::string_view key = column.key;
  switch (column.field) {
    case AccessField::time:
      line_.append(key);
      line_.append(second_text_);
      line_.append_digits(milliseconds_of(record.time), 3);
      return line_.append("Z\"");
    case AccessField::client_address: return to.address(key, record.client);
    case AccessField::client_port: return to.number_unless_zero(key, record.client.port);
    case AccessField::peer_address: return to.address(key, record.peer);
    case AccessField::user_name: return to.text(key, record.user);
    case AccessField::client_subject:
      if (record.certificate != nullptr) to.text(key, record.certificate->subject);
      return;
    case AccessField::client_name:
      if (record.certificate != nullptr) to.text(key, record.certificate->name);
      return;
    case AccessField::client_fingerprint:
      if (record.certificate != nullptr) to.text(key, record.certificate->fingerprint);
      return;
    case AccessField::method: return to.text(key, record.method);
    case AccessField::scheme: return to.text(key, has_head(record) ? record.scheme : "");
    case AccessField::host: return to.text(key, without_port(record.host));
    case AccessField::path: return to.text(key, split(record.target).path);
    case AccessField::query: return to.text(key, split(record.target).query);
    case AccessField::protocol_version: return to.text(key, has_head(record) ? version(record) : "");
    case AccessField::user_agent:
    case AccessField::request_header: return to.text(key, column.header.value(record));
    case AccessField::status: return to.number_unless_zero(key, record.status);
    case AccessField::request_bytes: return to.number(key, record.request_body_bytes);
    case AccessField::response_bytes: return to.number(key, record.response_body_bytes);
    case AccessField::duration: return to.elapsed(key, record.duration);
    case AccessField::first_byte:
      if (record.time_to_first_byte != Duration{}) to.elapsed(key, record.time_to_first_byte);
      return;
    case AccessField::listener: return to.text(key, record.listener);
    case AccessField::route: return to.text(key, record.route);
    case AccessField::upstream: return to.text(key, record.upstream);
    case AccessField::server: return to.text(key, record.server);
    case AccessField::reused:
      if (has_upstream(record)) to.boolean(key, record.reused_connection);
      return;
    case AccessField::retries:
      if (has_upstream(record)) to.number(key, record.retries);
      return;
    case AccessField::hedges:
      if (has_upstream(record)) to.number(key, record.hedges);
      return;
    case AccessField::tunnel: return to.text(key, record.tunnel);
    case AccessField::rule: return to.text(key, record.rule);
    case AccessField::server_name: return to.text(key, record.server_name);
    case AccessField::parent: return to.text(key, record.parent);
    case AccessField::request_id: return to.text(key, record.request_id);
    case AccessField::error_type: return to.text(key, row(record.reason).code);
    case AccessField::error_cause:
      if (record.cause) to.text(key, record.cause.message());
      return;
  }
}

// $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"
void AccessFormat::append_combined(const AccessRecord& record) {
  char client[64];
  append_or_dash(line_, {client, record.client.format_ip(client)});
  line_.append(" - ");
  append_or_dash(line_, record.user);
  line_.append(" [");
  line_.append(second_text_);
  line_.append("] \"");
  if (record.method.empty()) {
    line_.append('-');
  } else {
    line_.append_escaped(record.method);
    line_.append(' ');
    line_.append_escaped(record.target);
    line_.append(" HTTP/");
    line_.append(version(record));
  }
  line_.append("\" ");
  line_.append_digits(record.status, 3);
  line_.append(' ');
  line_.append_decimal(record.response_body_bytes);
  line_.append(" \"");
  append_or_dash(line_, referer_.value(record));
  line_.append("\" \"");
  append_or_dash(line_, user_agent_.value(record));
  line_.append('"');
}

}  // namespace culvert::proxy
