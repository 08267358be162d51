#include "admin/inquiry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "admin/documents.hpp"
#include "admin/metrics.hpp"
#include "config/values.hpp"
#include "wire/url.hpp"

namespace culvert::admin {

namespace {

constexpr std::chrono::milliseconds look_every{100};  // whether a server is empty

std::string_view plain_text = "text/plain; charset=utf-8";

// A page of somewhere else can send a browser to an address of this machine; by a name of its own, which then stands for
// that address, it could even read the answer.
bool is_local_name(std::string_view host) {
  const std::size_t port = host.rfind(':');
  if (port != std::string_view::npos && host.find(']', port) == std::string_view::npos) host = host.substr(0, port);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host == "localhost" || Endpoint::parse_ip(host, 0).has_value();
}

}  // namespace

std::span<const Inquiry::Path> Inquiry::paths() {
  static constexpr std::array all{
      Path{"GET", "/", false, &Inquiry::index, "this list"},
      Path{"GET", "/healthz", true, &Inquiry::alive, "200 as long as the process answers"},
      Path{"GET", "/readyz", true, &Inquiry::ready, "200 while it serves, 503 while it stops"},
      Path{"GET", "", true, &Inquiry::metrics, "figures for Prometheus"},
      Path{"GET", "/status", false, &Inquiry::status, "what runs, since when, and how much of it"},
      Path{"GET", "/upstreams", false, &Inquiry::upstreams, "servers, their health, and the pools"},
      Path{"GET", "/tunnels", false, &Inquiry::tunnels, "tunnels and upgraded connections that stand"},
      Path{"POST", "/tunnels/close", false, &Inquiry::close_tunnel, "?id=: ends one"},
      Path{"GET", "/plan", false, &Inquiry::plan, "what a reload would change"},
      Path{"POST", "/reload", false, &Inquiry::reload, "takes the configuration as the files have it"},
      Path{"POST", "/drain", false, &Inquiry::drain, "?upstream=&server=&wait=: takes a server, or all, out of use"},
      Path{"POST", "/undrain", false, &Inquiry::undrain, "?upstream=&server=: and back"},
      Path{"POST", "/log-level", false, &Inquiry::log_level, "?level=: until the next reload that changes the log"},
      Path{"POST", "/stop", false, &Inquiry::stop, "as SIGTERM"},
  };
  return all;
}

void Inquiry::begin(AdminServer& owner, IncomingMessage& request, ServerResponse& response, bool is_probe) {
  auto inquiry = std::unique_ptr<Inquiry>(new Inquiry(owner, request, response, is_probe));
  Inquiry& begun = *inquiry;
  owner.http_.loop().keep(std::move(inquiry));
  begun.start(request);
}

Inquiry::Inquiry(AdminServer& owner, IncomingMessage& request, ServerResponse& response, bool is_probe)
    : owner_(owner), operations_(owner.operations_), loop_(owner.http_.loop()), response_(&response), is_probe_(is_probe) {
  const std::string_view target = request.url();
  const std::size_t mark = target.find('?');
  path_ = target.substr(0, mark);
  if (mark != std::string_view::npos) query_ = target.substr(mark + 1);
  request.resume();  // what comes with it is of no use
  response.on_close([this] {
    response_ = nullptr;
    loop_.forget(due_);
    release_if_over();
  });
}

Inquiry::~Inquiry() { loop_.forget(due_); }

void Inquiry::release_if_over() {
  if (response_ == nullptr && awaited_ == 0) loop_.let_go(*this);
}

// ---- who asks, and for what -----------------------------------------------------------------------------------------------

void Inquiry::start(IncomingMessage& request) {
  asked_ = find(request.method());
  if (asked_ == nullptr || asked_->for_probes) return asked_ == nullptr ? void() : (this->*asked_->call)();
  const Socket* socket = request.socket();
  const bool is_local = socket != nullptr && socket->remote().family == Endpoint::Family::unix_socket;
  if (is_local) return (this->*asked_->call)();
  if (may_come_from_a_browser(request)) return refuse(403, "this may have been sent by a page of somewhere else");
  if (!owner_.authenticator_) return (this->*asked_->call)();
  const std::string_view credentials = request.headers().text("authorization");
  const auto verdict = owner_.authenticator_->judge(credentials, socket == nullptr ? Endpoint() : socket->remote(), *this);
  if (verdict.kind != proxy::Authenticator::Verdict::Kind::later) on_verdict(verdict);
}

// What is asked for; where it is nothing, the answer says what there is.
const Inquiry::Path* Inquiry::find(std::string_view method) {
  const std::string_view metrics_path = owner_.settings_.metrics_path;
  const std::string_view read = method == "HEAD" ? "GET" : method;
  const Path* other = nullptr;
  for (const Path& path : paths()) {
    const bool matches = path_ == (path.path.empty() ? metrics_path : path.path);
    if (!matches || (is_probe_ && !path.for_probes)) continue;
    if (path.method == read) return &path;
    other = &path;
  }
  if (other == nullptr) {
    refuse(404, "there is no " + path_);
  } else {
    response_->set_header("Allow", other->method);
    refuse(405, path_ + " is asked for by " + std::string(other->method));
  }
  return nullptr;
}

bool Inquiry::may_come_from_a_browser(IncomingMessage& request) {
  const HeaderMap& headers = request.headers();
  return headers.contains("origin") || (!owner_.authenticator_ && !is_local_name(headers.text("host")));
}

void Inquiry::on_verdict(const proxy::Authenticator::Verdict& verdict) noexcept {
  using Kind = proxy::Authenticator::Verdict::Kind;
  if (response_ == nullptr) return;
  switch (verdict.kind) {
    case Kind::accepted: return (this->*asked_->call)();
    case Kind::limited:
      response_->set_header("Retry-After", std::chrono::ceil<std::chrono::seconds>(verdict.retry_after).count());
      return refuse(429, "too many wrong passwords");
    case Kind::overloaded: return refuse(503, "too many passwords are being checked");
    default:
      response_->set_header("WWW-Authenticate", owner_.authenticator_->challenge);
      return refuse(401, "say who you are");
  }
}

// ---- what is told -----------------------------------------------------------------------------------------------------------

void Inquiry::index() {
  std::string text;
  for (const Path& path : paths()) {
    const std::string_view name = path.path.empty() ? std::string_view(owner_.settings_.metrics_path) : path.path;
    text.append(path.method).append(path.method == "GET" ? "   " : "  ").append(name);
    text.append(name.size() < 16 ? 16 - name.size() : 1, ' ').append(path.about).append("\n");
  }
  answer(200, plain_text, text);
}

void Inquiry::alive() { answer(200, plain_text, "alive\n"); }

void Inquiry::ready() {
  const std::string_view state = operations_.process().state;
  const bool serves = state == "running" || state == "reloading";
  answer(serves ? 200 : 503, plain_text, serves ? "ready\n" : std::string(state) + "\n");
}

void Inquiry::metrics() {
  collect(false, [this](const Summary& summary) {
    answer(200, metrics_type, admin::metrics(operations_.process(), summary));
  });
}

void Inquiry::status() {
  collect(false, [this](const Summary& summary) {
    answer_json(200, documents::status(operations_.process(), summary, loop_.wall_now()));
  });
}

void Inquiry::upstreams() {
  collect(false, [this](const Summary& summary) { answer_json(200, documents::upstreams(summary)); });
}

void Inquiry::tunnels() {
  collect(true, [this](const Summary& summary) { answer_json(200, documents::tunnels(summary)); });
}

void Inquiry::plan() {
  collect(false, [this](const Summary& summary) {
    const Plan plan = operations_.plan(summary);
    answer_json(plan.valid ? 200 : 422, documents::plan(plan));
  });
}

// ---- what is done -----------------------------------------------------------------------------------------------------------

void Inquiry::reload() {
  operations_.reload(awaited([this](const ReloadOutcome& outcome) {
    answer_json(outcome.done ? 200 : 422, documents::reload(outcome));
  }));
}

void Inquiry::stop() {
  operations_.stop();
  answer_json(202, "{}\n");
}

void Inquiry::log_level() {
  const std::string level = value_of("level");
  if (!operations_.set_log_level(level)) {
    return refuse(400, "\"" + level + "\" is no level: trace, debug, info, warn, error or off");
  }
  answer_json(200, "{}\n");
}

void Inquiry::close_tunnel() {
  const std::string id = value_of("id");
  const std::size_t dash = id.find('-');
  unsigned worker = 0;
  std::uint64_t number = 0;
  const char* const end = id.data() + id.size();
  const bool is_id = dash != std::string::npos && std::from_chars(id.data(), id.data() + dash, worker).ptr == id.data() + dash &&
                     std::from_chars(id.data() + dash + 1, end, number).ptr == end;
  if (!is_id) return refuse(400, "\"" + id + "\" is no id of a tunnel: see /tunnels");
  operations_.close_tunnel(worker, number, awaited([this, id](bool found) {
    found ? answer_json(200, "{}\n") : refuse(404, "there is no tunnel " + id);
  }));
}

void Inquiry::set_drained(bool drained) {
  upstream_ = value_of("upstream");
  server_ = value_of("server");
  const std::string wait = value_of("wait");
  const auto time = config::parse_duration(wait);
  if (!wait.empty() && !time) return refuse(400, "\"" + wait + "\" is no time to wait, such as 30s");
  waits_until_ = loop_.now() + (wait.empty() ? std::chrono::milliseconds::zero() : *time);
  collect(false, [this, drained](const Summary& summary) {
    const auto upstream = summary.upstreams.find(upstream_);
    if (upstream == summary.upstreams.end()) return refuse(404, "there is no [upstream." + upstream_ + "]");
    const bool is_known = server_.empty() || std::ranges::any_of(upstream->second.servers, [this](const auto& each) {
                            return each.server == server_ || each.address == server_;
                          });
    if (!is_known) return refuse(404, "[upstream." + upstream_ + "] has no server " + server_);
    operations_.set_drained(upstream_, server_, drained);
    drained ? look_whether_empty() : answer_json(200, "{}\n");
  });
}

void Inquiry::look_whether_empty() {
  collect(false, [this](const Summary& summary) {
    std::uint64_t under_way = 0;
    if (const auto found = summary.upstreams.find(upstream_); found != summary.upstreams.end()) {
      if (server_.empty()) under_way += found->second.finishing;
      for (const proxy::ServerReport& each : found->second.servers) {
        if (server_.empty() || each.server == server_ || each.address == server_) under_way += each.under_way;
      }
    }
    if (under_way == 0 || loop_.now() >= waits_until_) return answer_json(200, documents::drained(under_way));
    loop_.ask_at(due_, loop_.now() + look_every);
  });
}

TimePoint Inquiry::on_due(TimePoint) noexcept {
  if (response_ != nullptr) look_whether_empty();
  return never;
}

// ---- how it is said ---------------------------------------------------------------------------------------------------------

std::string Inquiry::value_of(std::string_view name) const {
  std::string_view rest = query_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t sign = pair.find('=');
    if (pair.substr(0, sign) == name && sign != std::string_view::npos) return wire::percent_decode(pair.substr(sign + 1));
  }
  return {};
}

void Inquiry::collect(bool with_tunnels, std::function<void(const Summary&)> use) {
  operations_.collect(with_tunnels, awaited([this, use = std::move(use)](const std::optional<Summary>& summary) {
    summary ? use(*summary) : refuse(503, "a worker does not answer");
  }));
}

void Inquiry::answer(std::uint16_t status, std::string_view type, std::string_view body) {
  response_->status_code = status;
  response_->set_header("Content-Type", type);
  response_->set_header("Cache-Control", "no-store");
  response_->end(body);
}

void Inquiry::refuse(std::uint16_t status, std::string_view text) { answer_json(status, documents::error(text)); }

}  // namespace culvert::admin
