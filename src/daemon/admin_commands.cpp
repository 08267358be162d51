#include "daemon/admin_commands.hpp"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "admin/admin_server.hpp"
#include "config/addresses.hpp"
#include "config/load.hpp"
#include "config/values.hpp"
#include "daemon/admin_client.hpp"

namespace culvert::daemon {

namespace {

using Json = nlohmann::json;
using What = AdminCommand::What;

constexpr std::chrono::seconds patience{30};  // a reload may take its time

std::string encoded(const std::string& text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '_' || c == ':') {
      out += c;
    } else {
      out.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
  }
  return out;
}

struct Question {
  std::string method;
  std::string path;
};

Question question_of(const AdminCommand& command) {
  const std::string server = "?upstream=" + encoded(command.subject) + "&server=" + encoded(command.server);
  switch (command.what) {
    case What::status: return {"GET", "/status"};
    case What::upstreams: return {"GET", "/upstreams"};
    case What::tunnels: return {"GET", "/tunnels"};
    case What::close_tunnel: return {"POST", "/tunnels/close?id=" + encoded(command.subject)};
    case What::metrics: return {"GET", "/metrics"};
    case What::healthcheck: return {"GET", "/readyz"};
    case What::plan: return {"GET", "/plan"};
    case What::reload: return {"POST", "/reload"};
    case What::drain: return {"POST", "/drain" + server + (command.wait.empty() ? "" : "&wait=" + encoded(command.wait))};
    case What::undrain: return {"POST", "/undrain" + server};
    case What::log_level: return {"POST", "/log-level?level=" + encoded(command.subject)};
    case What::stop: return {"POST", "/stop"};
  }
  return {};
}

// Where to ask: as told, or as the configuration says, or where it is by default.
std::optional<Address> where_to_ask(const AdminCommand& command, std::string& metrics_path, std::ostream& err) {
  if (!command.address.empty()) {
    const config::Parsed<Address> address = config::parse_server_address(command.address);
    if (address) return *address;
    err << "culvert: \"" << command.address << "\" is no address: " << address.wrong()->text << '\n';
    return {};
  }
  const config::Loaded loaded = config::load(command.config_path);
  if (!loaded.config) return admin::AdminServer::standard_address();
  metrics_path = loaded.config->admin.metrics_path;
  const auto& addresses = loaded.config->admin.addresses;
  if (!addresses) return admin::AdminServer::standard_address();
  if (!addresses->empty()) return addresses->front();
  err << "culvert: " << command.config_path << " has no [admin] address\n";
  return {};
}

// ---- for people -----------------------------------------------------------------------------------------------------------

std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

void print_lines(const Json& lines, std::string_view before, std::ostream& out) {
  for (const Json& line : lines) out << before << text(line) << '\n';
}

void print_status(const Json& status, std::ostream& out) {
  const Json& config = status.at("config");
  out << "culvert " << text(status.at("version")) << ": " << text(status.at("state")) << ", pid " << status.at("pid")
      << ", since " << text(status.at("started")) << ", " << status.at("workers") << " workers\n"
      << "configuration: " << text(config.at("file")) << ", revision " << config.at("revision") << " since "
      << text(config.at("since")) << '\n';
  if (!config.at("reload_error").is_null()) out << "the last reload failed: " << text(config.at("reload_error")) << '\n';
  out << "requests: " << status.at("requests") << ", under way " << status.at("requests_in_flight")
      << "; connections: " << status.at("connections") << "; tunnels: " << status.at("tunnels")
      << "; upgraded: " << status.at("upgrades") << "; streams: " << status.at("streams") << '\n';
  for (const Json& listener : status.at("listeners")) {
    out << "listener " << text(listener.at("name")) << ':';
    for (const Json& address : listener.at("addresses")) out << ' ' << text(address);
    out << ", connections " << listener.at("connections") << '\n';
  }
  for (const Json& each : status.at("certificates")) {
    out << "certificate " << text(each.at("file")) << " [tls." << text(each.at("tls")) << "]: " << each.at("days_left")
        << " days left\n";
  }
}

// A table whose columns are as wide as what is in them.
class Table {
 public:
  using Row = std::vector<std::string>;
  explicit Table(Row head) { add(std::move(head)); }
  void add(Row row) {
    widths_.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], row[i].size());
    rows_.push_back(std::move(row));
  }
  void print(std::ostream& out) const {
    for (const Row& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        out << row[i];
        if (i + 1 < row.size()) out << std::string(widths_[i] - row[i].size() + 2, ' ');
      }
      out << '\n';
    }
  }

 private:
  std::vector<Row> rows_;
  std::vector<std::size_t> widths_;
};

void print_upstreams(const Json& answer, std::ostream& out) {
  Table table({"UPSTREAM", "SERVER", "ADDRESS", "STATE", "UNDER WAY", "REQUESTS", "FAILURES", "BUSY", "FREE"});
  for (const Json& upstream : answer.at("upstreams")) {
    for (const Json& each : upstream.at("servers")) {
      const Json& connections = each.at("connections");
      table.add({text(upstream.at("name")), text(each.at("server")), text(each.at("address")), text(each.at("state")),
                 text(each.at("under_way")), text(each.at("requests")), text(each.at("failures")),
                 text(connections.at("busy")), text(connections.at("free"))});
    }
  }
  table.print(out);
}

void print_tunnels(const Json& answer, std::ostream& out) {
  Table table({"ID", "CLIENT", "USER", "TARGET", "SERVER", "RULE", "UP", "DOWN", "AGE", "IDLE"});
  for (const Json& each : answer.at("tunnels")) {
    table.add({text(each.at("id")), text(each.at("client")), text(each.at("user")), text(each.at("target")),
               text(each.at("server")), text(each.at("rule")), text(each.at("bytes_up")), text(each.at("bytes_down")),
               text(each.at("age")), text(each.at("idle"))});
  }
  table.print(out);
}

void print_plan(const Json& plan, std::ostream& out) {
  if (plan.at("changes").empty()) out << "nothing changed\n";
  print_lines(plan.at("changes"), "", out);
  print_lines(plan.at("effects"), "  -> ", out);
  print_lines(plan.at("restart"), "needs a restart: ", out);
}

ExitCode print(const AdminCommand& command, const Json& answer, std::ostream& out, std::ostream& err) {
  switch (command.what) {
    case What::status: print_status(answer, out); break;
    case What::upstreams: print_upstreams(answer, out); break;
    case What::tunnels: print_tunnels(answer, out); break;
    case What::plan:
      err << text(answer.at("diagnostics"));
      if (!answer.at("valid")) return exit_configuration;
      print_plan(answer, out);
      break;
    case What::reload:
      err << text(answer.at("diagnostics"));
      if (!answer.at("reloaded")) {
        err << "not reloaded: " << text(answer.at("text")) << "; revision " << answer.at("revision") << " goes on\n";
        return exit_configuration;
      }
      out << "reloaded: revision " << answer.at("revision") << ": " << text(answer.at("text")) << '\n';
      break;
    case What::drain:
      if (answer.at("empty")) {
        out << "taken out of use, nothing is under way\n";
        break;
      }
      out << "taken out of use, still under way: " << answer.at("under_way") << '\n';
      return command.wait.empty() ? exit_fine : exit_failure;
    default: break;
  }
  return exit_fine;
}

}  // namespace

ExitCode run_admin_command(const AdminCommand& command, std::ostream& out, std::ostream& err) {
  std::string metrics_path = "/metrics";
  const std::optional<Address> where = where_to_ask(command, metrics_path, err);
  if (!where) return exit_usage;
  Question question = question_of(command);
  if (command.what == What::metrics) question.path = metrics_path;
  const auto wait = config::parse_duration(command.wait);
  Result<AdminAnswer> answer =
      ask_admin(*where, question.method, question.path, command.user, patience + (wait ? *wait : std::chrono::milliseconds(0)));
  if (!answer) {
    err << "culvert: cannot reach the daemon at " << where->to_string() << ": " << answer.error().message() << '\n';
    return exit_unavailable;
  }
  const bool is_good = answer->status >= 200 && answer->status < 300;
  if (command.what == What::healthcheck || (command.what == What::metrics && is_good) || (command.json && is_good)) {
    out << answer->body;
    return is_good ? exit_fine : exit_failure;
  }
  const Json json = Json::parse(answer->body, nullptr, false);
  if (json.is_discarded()) {
    err << "culvert: " << where->to_string() << " answers " << answer->status << ", and is no culvert\n";
    return exit_unavailable;
  }
  if (json.contains("error")) {
    err << "culvert: " << text(json.at("error")) << '\n';
    return exit_failure;
  }
  return print(command, json, out, err);
}

}  // namespace culvert::daemon
