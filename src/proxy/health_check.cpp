#include "proxy/health_check.hpp"

#include <algorithm>
#include <utility>

#include "culvert/http.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {

namespace {

constexpr std::size_t body_bytes_most = 64 * 1024;
// The first look is soon, but not of all backends at once.
constexpr std::chrono::milliseconds first_within{100};

// A tenth more or less, so that checks do not keep step.
Duration jittered(std::chrono::milliseconds interval, Loop& loop) {
  const auto percent = 90 + static_cast<std::int64_t>(loop.random() % 21);
  return std::chrono::duration_cast<Duration>(interval) * percent / 100;
}

AgentOptions for_one_look(AgentOptions options) {
  options.keep_alive = false;
  return options;
}

std::string host_field(const config::HealthCheck& settings, const Backend& backend) {
  if (!settings.host.empty()) return settings.host;
  return backend.address.kind == Address::Kind::unix_path ? "localhost" : backend.text;
}

}  // namespace

HealthCheck::HealthCheck(const config::Upstream& upstream, Http& http, AgentOptions options, const Ref<Backend>& backend,
                         Owner& owner)
    : settings_(*upstream.health),
      sends_(upstream.send_proxy_protocol),
      loop_(http.loop()),
      backend_(backend),
      owner_(owner),
      agent_(http, for_one_look(std::move(options))),
      origin_(agent_.origin(backend->address, backend->server_name)),
      host_(host_field(settings_, *backend)),
      passes_(!backend->state->is_failing()),
      next_at_(loop_.now() + jittered(std::min(settings_.interval, first_within), loop_)) {
  loop_.ask_at(due_, next_at_);
}

HealthCheck::~HealthCheck() { loop_.forget(due_); }

TimePoint HealthCheck::on_due(TimePoint now) noexcept {
  if (looking_ && now >= ends_at_) failed("no answer in time");
  if (!looking_ && now >= next_at_) {
    next_at_ = now + jittered(settings_.interval, loop_);
    ends_at_ = settings_.timeout.count() == 0 ? never : now + settings_.timeout;
    look();
  }
  return looking_ ? ends_at_ : next_at_;
}

void HealthCheck::look() {
  looking_ = true;
  settings_.type == config::HealthType::tcp ? connect() : ask();
}

void HealthCheck::connect() {
  Result<std::unique_ptr<Transport>> stream = agent_.connect(origin_);
  if (!stream) return failed(stream.error().message());
  stream_ = std::move(*stream);
  stream_->attach(*this);
  stream_->want({.read = false, .write = true});
}

// By TLS, hands are shaken by then.
void HealthCheck::on_ready(Ready ready) noexcept {
  if (stream_ == nullptr || !(ready.writable || ready.broken)) return;
  const std::error_code error = stream_->take_error();
  stream_.reset();
  error ? failed(error.message()) : passed();
}

void HealthCheck::ask() {
  const Header lines[] = {{HeaderId::host, "Host", host_},
                          {HeaderId::user_agent, "User-Agent", "culvert"},
                          {HeaderId::connection, "Connection", "close"}};
  body_.clear();
  request_ = &agent_.request(origin_, {.path = settings_.path, .headers = lines, .preface = proxy_header()});
  request_->on_response([this](IncomingMessage& answer) { on_response(answer); });
  request_->on_error([this](std::error_code error) { failed(error.message()); });
  request_->on_close([this] { request_ = nullptr; });
  request_->end();
}

// Where connections begin with one: that this one is for no client.
Bytes HealthCheck::proxy_header() {
  if (sends_ == config::SendProxyProtocol::none) return {};
  const auto version = sends_ == config::SendProxyProtocol::v1 ? wire::ProxyProtocol::v1 : wire::ProxyProtocol::v2;
  return Bytes(header_).first(wire::write_proxy_header(header_.data(), version, {}));
}

void HealthCheck::on_response(IncomingMessage& answer) {
  answer.on_error([this](std::error_code error) { failed(error.message()); });
  const std::uint16_t status = answer.status_code();
  const bool expected =
      std::ranges::any_of(settings_.expect_status, [&](const config::StatusRange& range) { return range.contains(status); });
  if (!expected) return failed("status " + std::to_string(status));
  if (!has_expected_fields(answer)) return failed("a header field is not as expected");
  if (settings_.expect_body.empty()) return passed();
  answer.on_data([this](Bytes part) {
    const std::string_view text(reinterpret_cast<const char*>(part.data()), part.size());
    body_.append(text.substr(0, body_bytes_most - body_.size()));
    if (body_.find(settings_.expect_body) != std::string::npos) return passed();
    if (body_.size() == body_bytes_most) failed("the body is not as expected");
  });
  answer.on_end([this] { failed("the body is not as expected"); });
  answer.resume();
}

bool HealthCheck::has_expected_fields(const IncomingMessage& answer) const {
  return std::ranges::all_of(settings_.expect_headers, [&](const auto& wanted) {
    const Header* found = answer.raw_headers().find(wanted.first);
    return found != nullptr && (wanted.second == "*" || found->value == wanted.second);
  });
}

void HealthCheck::passed() { settled(true, "it answers"); }
void HealthCheck::failed(std::string why) { settled(false, why); }

// A look has one outcome; what its request says afterwards is none.
void HealthCheck::settled(bool passes, std::string_view why) {
  if (!std::exchange(looking_, false)) return;
  ends_at_ = never;
  stream_.reset();
  if (request_ != nullptr) request_->destroy();
  loop_.ask_at(due_, next_at_);
  const bool first = !std::exchange(has_looked_, true);
  if (passes == passes_) {
    in_a_row_ = 0;
    return;
  }
  if (++in_a_row_ < (passes ? settings_.rise : settings_.fall) && !first) return;
  in_a_row_ = 0;
  passes_ = passes;
  owner_.on_health(*backend_, passes, why);
}

}  // namespace culvert::proxy
