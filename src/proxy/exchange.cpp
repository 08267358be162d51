#include "proxy/exchange.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/ascii.hpp"
#include "base/log.hpp"
#include "base/uri_path.hpp"
#include "proxy/care.hpp"
#include "proxy/echo.hpp"
#include "proxy/error_page.hpp"
#include "proxy/gateway_state.hpp"
#include "proxy/hedge.hpp"
#include "proxy/idempotent.hpp"
#include "proxy/journey.hpp"
#include "proxy/request_key.hpp"
#include "proxy/upgrade.hpp"
#include "wire/header_names.hpp"
#include "wire/plain_path.hpp"
#include "wire/proxy_protocol.hpp"
#include "wire/request_target.hpp"
#include "wire/sixteen.hpp"

namespace culvert::proxy {

namespace {

// When one who was turned away may ask again.
constexpr std::string_view retry_after_seconds = "5";
constexpr char hex_digits[] = "0123456789abcdef";

Header retry_after(std::string_view seconds) { return {HeaderId::retry_after, "Retry-After", seconds}; }

}  // namespace

// How a client is asked who it is: by who serves it, or by a proxy on its way elsewhere (RFC 9110 11.6, 11.7).
struct Challenge {
  HeaderId field;
  HeaderId credentials;
  Reason required;
  Reason failed;
  Reason limited;
};

namespace {

constexpr Challenge of_server{HeaderId::www_authenticate, HeaderId::authorization, Reason::auth_required,
                             Reason::auth_failed, Reason::auth_limited};
constexpr Challenge of_proxy{HeaderId::proxy_authenticate, HeaderId::proxy_authorization, Reason::proxy_auth_required,
                            Reason::proxy_auth_failed, Reason::proxy_auth_limited};

}  // namespace

// Who has been asked, by TLS or by a route. Apart, since most are not.
struct Exchange::Client final : Authenticator::Waiter {
  explicit Client(Exchange& by) : exchange(by) {}
  void on_verdict(const Authenticator::Verdict& verdict) noexcept override {
    if (exchange.client_has_gone()) return;
    if (exchange.accept(verdict)) (exchange.*next)();
  }

  Exchange& exchange;
  std::shared_ptr<const PeerCertificate> certificate;  // null where it has shown none
  Authenticator* users = nullptr;                      // who is asked whether it is one of them; null: nobody
  const Challenge* challenge = nullptr;
  void (Exchange::*next)() = nullptr;  // once it is known
  std::string_view user;           // of `users`, or of the certificate; empty until it is proved
};

Exchange::Exchange(Gateway::State& gateway, Ref<ListenerPolicy> policy, IncomingMessage& request,
                   ServerResponse& response, bool expects_continue)
    : gateway_(gateway),
      arena_(gateway.loop.blocks()),
      policy_(std::move(policy)),
      request_(&request),
      response_(&response),
      began_(gateway.loop.now()),
      began_wall_(gateway.loop.wall_now()),
      expects_continue_(expects_continue) {
  peer_ = request.socket()->remote();
  request.on_close([this] { on_downstream_closed(); });
}

Exchange::~Exchange() {
  if (care_ != nullptr && care_->hedge != nullptr) [[unlikely]] care_->hedge->~Hedge();
}

// ---- the request's way ----------------------------------------------------------------------------------------------

void Exchange::start() {
  if (!read_head()) return;
  if (policy_->tunnel && (view_.method == "CONNECT" || policy_->mode == config::ListenerMode::forward)) {
    return open_passage(policy_->tunnel);
  }
  if (!find_route()) return;
  if (!route_->authenticator || admits(*route_->authenticator, of_server, &Exchange::serve)) serve();
}

void Exchange::serve() {
  if (apply_policy() && choose_upstream()) send_request();
}

// The same for a destination of the client's own.
[[gnu::cold]] void Exchange::serve_onward() {
  if (!apply_policy()) return;
  if (count_bytes(*request_)) request_->pause();
  if (choose_hop()) send_request();
}

[[gnu::noinline]] void Exchange::turn_away() {
  response_->should_keep_alive = false;
  turn_back(Reason::overloaded);
}

// There may be room for it later.
void Exchange::turn_back(Reason reason) { answer_failure(reason, retry_after(retry_after_seconds)); }

// Who asks for what. This step and the next ones are one function to the machine: apart, they cost a request 17 instructions.
[[gnu::always_inline]] inline bool Exchange::read_head() {
  if (!parse_target()) {
    answer_failure(Reason::request_malformed);
    return false;
  }
  if (!wire::is_plain_path(view_.path) && policy_->server.normalize_path && !normalize_path()) {
    answer_failure(Reason::request_path_ambiguous);
    return false;
  }
  const config::Forwarded& forwarded = policy_->server.forwarded;
  const HeaderList& headers = request_->raw_headers();
  peer_trusted_ = !forwarded.trust.empty() && trusted(forwarded, peer_);
  view_.listener = policy_->name;
  view_.method = request_->method();
  view_.headers = &headers;
  view_.client = peer_trusted_ ? client_address(forwarded, headers, peer_) : peer_;
  if (!forwarded.request_id.empty()) {
    const Header* given = peer_trusted_ ? headers.find(forwarded.request_id) : nullptr;
    if (given != nullptr) {
      request_id_ = given->value;
    } else {
      char* text = static_cast<char*>(arena_.allocate(32, 1));
      for (int half = 0; half < 2; ++half) {
        std::uint64_t bits = gateway_.loop.random();
        for (int i = 0; i < 16; ++i, bits >>= 4) text[half * 16 + i] = hex_digits[bits & 15];
      }
      request_id_ = {text, 32};
    }
  }
  return !policy_->handshake_news.any() || recall_handshake();
}

// What TLS knows of the two that speak with each other.
[[gnu::cold]] bool Exchange::recall_handshake() {
  const HandshakeNews& wanted = policy_->handshake_news;
  const Socket& socket = *request_->socket();
  if (wanted.client_certificate) note_certificate(socket.peer_certificate());
  const bool names_origin = policy_->mode == config::ListenerMode::reverse && !wants_tunnel() && !view_.host.empty();
  if (!wanted.server_names || !names_origin || socket.transport()->speaks_for(view_.host)) return true;
  answer_failure(Reason::request_misdirected);
  return false;
}

[[gnu::cold]] void Exchange::note_certificate(std::shared_ptr<const PeerCertificate> shown) {
  if (shown == nullptr) return;
  client_ = std::make_unique<Client>(*this);
  client_->certificate = std::move(shown);
  view_.certificate = client_->certificate.get();
}

[[gnu::always_inline]] inline bool Exchange::find_route() {
  if (const Ref<Route>* found = gateway_.site.find(view_, gateway_.captures)) {
    route_ = *found;
    if (route_->has_regex()) captures_ = new (arena_.allocate(sizeof(Captures), alignof(Captures))) Captures(gateway_.captures);
    return true;
  }
  answer_failure(Reason::no_route);
  return false;
}

// Fills host, path and query of view_.
bool Exchange::parse_target() {
  const std::string_view target = request_->url();
  const Header* host = request_->raw_headers().find(HeaderId::host);
  host_field_ = host == nullptr ? std::string_view() : host->value;
  std::string_view rest = target;
  if (!target.starts_with('/') && target != "*") {
    wire::RequestTarget parsed;
    if (wire::parse_request_target(request_->method(), target, parsed) != wire::ParseError::ok) return false;
    rest = {};
    if (parsed.form == wire::RequestTarget::Form::absolute) {
      target_differs_ = true;
      // A proxy ignores Host here and goes by the target (RFC 9112 3.2.2).
      const std::string_view authority = target.substr(target.find("://") + 3);
      host_field_ = authority.substr(0, authority.find_first_of("/?"));
      view_.path = parsed.path.empty() ? std::string_view("/") : parsed.path;
      view_.query = parsed.query;
    } else if (parsed.form == wire::RequestTarget::Form::authority) {
      host_field_ = target;
      view_.path = "/";  // of the destination as a whole
    }
  }
  if (!rest.empty()) {
    const std::size_t mark = rest.find('?');
    view_.path = rest.substr(0, mark);
    view_.query = mark == std::string_view::npos ? std::string_view() : rest.substr(mark + 1);
  }
  view_.host = host_field_;
  return wire::find(view_.host, wire::capitals_and_colons<wire::Sixteen>) == view_.host.size() || simplify_host();
}

// A port, an IPv6 address, capitals: of all that, what is compared is the host in lower case.
[[gnu::noinline]] bool Exchange::simplify_host() {
  std::string_view name = host_field_;
  if (name.find(':') != std::string_view::npos) {
    if (!wire::parse_host_field(name)) return false;
    name = name.substr(0, name.starts_with('[') ? name.find(']') + 1 : name.find(':'));
  }
  char* lower = static_cast<char*>(arena_.allocate(name.size(), 1));
  std::transform(name.begin(), name.end(), lower, ascii::to_lower);
  view_.host = {lower, name.size()};
  return true;
}

// Out of line, so that the usual way need not make room for it.
[[gnu::noinline]] bool Exchange::normalize_path() {
  const config::Server& settings = policy_->server;
  const uri::PathRules rules{.merge_slashes = settings.merge_slashes,
                             .keep_escaped_slashes = settings.escaped_slashes == config::EscapedSlashes::keep};
  const std::optional<std::string_view> normal = uri::normal_path(view_.path, rules, arena_);
  if (!normal) return false;
  target_differs_ = target_differs_ || normal->data() != view_.path.data();
  view_.path = *normal;
  return true;
}

// Whether the client is one of `users`; where that has to be found out, `next` follows.
[[gnu::cold]] bool Exchange::admits(Authenticator& users, const Challenge& challenge, void (Exchange::*next)()) {
  if (!client_) client_ = std::make_unique<Client>(*this);
  client_->users = &users;
  client_->challenge = &challenge;
  client_->next = next;
  if (users.settings.type == config::AuthType::certificate) return accept_certificate();
  const HeaderList& headers = request_->raw_headers();
  const auto given = std::ranges::count(headers, challenge.credentials, &Header::id);
  if (given == 0) {
    answer_failure(challenge.required, challenge_line());
    return false;
  }
  if (given > 1) return accept({});  // nobody knows which of them another program would take
  return accept(users.judge(headers.find(challenge.credentials)->value, view_.client, *client_));
}

[[gnu::cold]] bool Exchange::accept(const Authenticator::Verdict& verdict) {
  using Kind = Authenticator::Verdict::Kind;
  const Challenge& challenge = *client_->challenge;
  switch (verdict.kind) {
    case Kind::accepted: client_->user = verdict.user; return true;
    case Kind::rejected: answer_failure(challenge.failed, challenge_line()); break;
    case Kind::limited: {
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(verdict.retry_after);
      answer_failure(challenge.limited, retry_after(std::to_string(seconds.count())));
      break;
    }
    case Kind::overloaded: turn_back(Reason::auth_overloaded); break;
    case Kind::later: break;
  }
  return false;
}

// TLS has proved who it is, if it has asked.
[[gnu::cold]] bool Exchange::accept_certificate() {
  const PeerCertificate* const shown = view_.certificate;
  if (shown != nullptr) client_->user = name_in(*shown, client_->users->settings.certificate_name);
  if (!client_->user.empty()) return true;
  answer_failure(Reason::client_certificate_required);
  return false;
}

Header Exchange::challenge_line() const {
  const HeaderId field = client_->challenge->field;
  return {field, wire::spelling(field), client_->users->challenge};
}

[[gnu::always_inline]] inline bool Exchange::apply_policy() {
  if (view_.method == "CONNECT") {
    if (route_->tunnel) {
      open_passage(route_->tunnel);
    } else {
      response_->should_keep_alive = false;  // what follows may be meant for a tunnel
      answer_failure(Reason::method_not_allowed);
    }
    return false;
  }
  const bool rejects_underscores = policy_->server.underscores_in_headers == config::UnderscoresInHeaders::reject;
  if (rejects_underscores && std::ranges::any_of(request_->raw_headers(), has_underscore)) {
    answer_failure(Reason::request_header_underscore);
    return false;
  }
  const std::uint64_t most = policy_->server.max_body_size;
  if (most != 0) {
    if (request_->content_length() > most) {
      answer_failure(Reason::request_body_too_large);
      return false;
    }
    if (request_->has_body()) request_->on_data([this](Bytes part) { on_body_part(part); });
    request_->pause();
  }
  const auto mode = route_->settings.expect_continue.value_or(policy_->server.expect_continue);
  if (mode != config::ExpectContinue::forward && !meet_expectation(mode)) return false;
  const auto& action = route_->settings.action;
  if (std::holds_alternative<config::ToUpstream>(action)) return !counts_forwards(view_.method) || may_be_forwarded();
  if (const auto* to = std::get_if<config::Redirect>(&action)) {
    redirect(*to);
    return false;
  }
  if (const auto* fixed = std::get_if<config::Respond>(&action)) {
    respond(*fixed);
    return false;
  }
  if (route_->tunnel) {  // which serves CONNECT and nothing else
    answer_failure(Reason::method_not_allowed);
    return false;
  }
  if (expects_continue_) response_->write_continue();
  request_->resume();
  echo(*request_, *response_);
  return false;
}

// ---- a destination of the client's own choice -----------------------------------------------------------------------

[[gnu::cold]] void Exchange::open_passage(const Ref<AccessPolicy>& policy) {
  wire::RequestTarget target;
  (void)wire::parse_request_target(view_.method, request_->url(), target);  // read_head() has found it right
  if (wants_tunnel()) {
    response_->should_keep_alive = false;  // an answer is the last one: what follows may be meant for the tunnel
    if (request_->has_body()) return answer_failure(Reason::request_malformed);
  } else {
    if (target.form != wire::RequestTarget::Form::absolute) return answer_failure(Reason::proxy_request_expected);
    if (!ascii::iequals(target.scheme, "http")) return answer_failure(Reason::destination_scheme_not_supported);
    if (target.authority.port == 0) target.authority.port = 80;
  }
  (void)care();
  journey_ = std::make_unique<Journey>(*this, policy, target.authority, !wants_tunnel());
  if (!policy->authenticator || admits(*policy->authenticator, of_proxy, &Exchange::set_out)) set_out();
}

[[gnu::cold]] void Exchange::set_out() {
  if (journey_->passage.begin(client_ ? client_->user : std::string_view())) on_passage();
}

[[gnu::cold]] TunnelOrigin Exchange::tunnel_origin(std::string_view server) const {
  return {.time = began_wall_,
          .began = began_,
          .client = view_.client,
          .peer = peer_,
          .listener = policy_,
          .route = route_,
          .policy = {},
          .place = {},
          .words = TunnelWords({.method = view_.method,
                                .target = request_->url(),
                                .host = host_field_,
                                .user = client_ ? client_->user : std::string_view(),
                                .server = server,
                                .request_id = request_id_}),
          .certificate = client_ ? client_->certificate : nullptr};
}

// ---- a change of protocol -------------------------------------------------------------------------------------------

// What the client wants and may have. A forward proxy's clients have CONNECT for what is not HTTP, with its rules and
// limits.
[[gnu::cold]] std::string_view Exchange::protocols_to_ask() {
  if (journey_) return {};
  const auto& own = route_->settings.upgrade;
  return wanted_protocols(*request_, own ? *own : policy_->server.upgrade, arena_);
}

[[gnu::cold]] void Exchange::ask_to_upgrade() {
  if (const std::string_view protocols = protocols_to_ask(); !protocols.empty()) ask_to_change(gateway_.lines, protocols);
}

[[gnu::cold]] void Exchange::await_upgrade() {
  if (protocols_to_ask().empty()) return;
  up_->on_upgrade([this](IncomingMessage& answer, std::unique_ptr<Socket>& socket, Bytes rest) {
    on_upgrade(answer, *socket, rest);
  });
}

// The upstream has changed. The client follows, unless that is not what it has asked for.
[[gnu::cold]] void Exchange::on_upgrade(const IncomingMessage& answer, Socket& socket, Bytes rest) {
  if (client_has_gone()) return;
  const bool has_whole_request = up_->writable_ended();
  if (!has_whole_request || !changes_to(answer.raw_headers(), protocols_to_ask())) {
    return fail({Reason::upstream_upgrade_mismatch, MayRetry::never, {}});
  }
  const config::Route& route = route_->settings;
  const config::Server& server = policy_->server;
  const auto idle_timeout = route.upgrade_idle_timeout ? route.upgrade_idle_timeout : route.idle_timeout;
  const net::RelayLimits limits{.idle_timeout = idle_timeout.value_or(server.upgrade_idle_timeout),
                                .max_lifetime = route.upgrade_max_lifetime.value_or(server.upgrade_max_lifetime)};
  response_lines(gateway_.lines, answer, *policy_, false);
  change_response();
  tell_of_change(gateway_.lines, answer.raw_headers());
  TunnelOrigin origin = tunnel_origin(server_->text);
  origin.use = std::move(server_);
  origin.status = answer.status_code();
  std::vector<std::byte> early;
  BareStream downstream =
      response_->switch_protocols(answer.status_code(), answer.status_message(), gateway_.lines, early);
  has_left_ = true;
  gateway_.begin_tunnel(std::move(origin), limits, std::move(downstream), socket.detach(), early, rest);
}

// ---- on the way to an upstream --------------------------------------------------------------------------------------

// RFC 9110 7.6.2: an OPTIONS or TRACE may say how many are to pass it on; the last answers it.
[[gnu::cold]] bool Exchange::may_be_forwarded() {
  const Header* most = request_->raw_headers().find(HeaderId::max_forwards);
  if (most == nullptr) return true;
  const std::optional<std::uint64_t> left = ascii::parse_decimal(most->value);
  if (left && *left > 0) return true;
  if (!left) {
    answer_failure(Reason::request_malformed);
  } else if (view_.method == "OPTIONS") {
    answer(200, {}, {});
  } else {
    answer_failure(Reason::method_not_allowed);
  }
  return false;
}

// Here, since the upstream does not hear of it. HTTP/1.0 expects nothing (RFC 9110 10.1.1).
bool Exchange::meet_expectation(config::ExpectContinue mode) {
  const bool expects = request_->raw_headers().find(HeaderId::expect) != nullptr && request_->http_version_minor() > 0;
  if (!expects) return true;
  if (expects_continue_ && mode == config::ExpectContinue::answer) {
    response_->write_continue();
    return true;
  }
  answer_failure(Reason::expectation_rejected);
  return false;
}

[[gnu::always_inline]] inline bool Exchange::choose_upstream() {
  Upstream& upstream = *route_->upstream;
  upstream.retry_budget().note_request();
  if (!route_->is_plain()) [[unlikely]] return choose_specially();
  return use(upstream.choose(tried_));
}

void Exchange::send_request() {
  Agent& agent = route_->upstream->agent();
  Agent::Origin* const origin = journey_ ? next_hop(agent) : &server_->origin;
  sent_ = gateway_.loop.now();
  if (journey_ && wants_tunnel()) [[unlikely]] return ask_parent(agent, *origin);
  // Nearly always: so that the compiler puts it in place.
  if (peer_text_size_ == 0) [[likely]] peer_text_size_ = static_cast<std::uint8_t>(peer_.format_ip(peer_text_));
  const config::Upstream& settings = route_->upstream->settings;
  const config::Route& route = route_->settings;
  const PlaceholderValues placeholders = values();
  const RewriteContext rewrite = context(placeholders);
  const auto mode = route.expect_continue.value_or(policy_->server.expect_continue);
  request_lines(gateway_.lines, *request_, rewrite, host_to_send(), route.request_headers,
                mode == config::ExpectContinue::forward, route_->forwards_authorization(), settings.keep_alive);
  add_credentials();
  const bool may_upgrade = request_->raw_headers().may_have(HeaderId::upgrade);
  if (may_upgrade) [[unlikely]] ask_to_upgrade();
  const auto sends = settings.send_proxy_protocol;
  const Bytes preface = sends == config::SendProxyProtocol::none ? Bytes() : proxy_header(sends);
  std::string_view target = upstream_target(route, *request_, target_differs_, placeholders, arena_);
  if (journey_) [[unlikely]] target = target_for_parent(target);
  const PooledRequest wanted{.method = view_.method,
                             .path = target,
                             .headers = gateway_.lines,
                             .repeatable = !request_->has_body() && idempotent(view_.method),
                             .preface = preface,
                             .connect_timeout = settings.connect_timeout,
                             .response_timeout = route.retry.try_timeout == config::no_limit
                                                     ? route.response_timeout.value_or(settings.response_timeout)
                                                     : time_to_answer(),
                             .idle_timeout = route.idle_timeout.value_or(settings.response_timeout)};
  up_ = &agent.request(*origin, wanted);
  listen_to(*up_);
  if (may_upgrade) [[unlikely]] await_upgrade();
  forward_body();
}

void Exchange::add_credentials() {
  const std::string& ours = route_->upstream->authorization;
  if (ours.empty()) return;
  std::vector<Header>& lines = gateway_.lines;
  if (std::ranges::any_of(lines, [](const Header& line) { return line.id == HeaderId::authorization; })) return;
  lines.push_back({HeaderId::authorization, "Authorization", ours});
}

[[gnu::noinline]] Bytes Exchange::proxy_header(config::SendProxyProtocol version) {
  auto* const out = static_cast<std::byte*>(arena_.allocate(wire::proxy_line_bytes_max, 1));
  const auto written_as =
      version == config::SendProxyProtocol::v1 ? wire::ProxyProtocol::v1 : wire::ProxyProtocol::v2;
  const wire::ProxyAddresses addresses{.source = view_.client, .destination = request_->socket()->local()};
  return {out, wire::write_proxy_header(out, written_as, addresses)};
}

void Exchange::forward_body() {
  if (!request_->has_body()) return void(up_->end());
  up_->flush_headers();  // before the body: the upstream may want to answer first (Expect)
  was_sent_ ? send_kept_body() : keep_body();
  if (request_->ended()) return on_request_end();
  if (!std::exchange(awaits_end_, true)) request_->on_end([this] { on_request_end(); });
  request_->pipe(*up_, false);
  request_->resume();
}

// A name is known, or a server may be there again.
void Exchange::on_try_again() noexcept {
  if (client_has_gone()) return release_if_over();
  if (care_ != nullptr && gateway_.loop.now() >= care_->held_until) return turn_back(Reason::upstream_hold_timeout);
  if (journey_ ? choose_hop() : choose_again()) send_request();
}

void Exchange::on_body_part(Bytes) {
  if (request_ == nullptr || request_->body_bytes() <= policy_->server.max_body_size) return;
  if (failure_.reason == Reason::request_body_too_large) return;
  request_->unpipe();
  fail({Reason::request_body_too_large, MayRetry::never, {}});
}

void Exchange::on_request_end() {
  if (care_->hedge != nullptr) care_->hedge->note_request_end();
  if (up_ == nullptr) return;
  end_to_end_lines(gateway_.lines, request_->raw_trailers());
  const PlaceholderValues placeholders = values();
  drop_lookalikes(gateway_.lines, context(placeholders), route_->settings.request_headers);
  up_->borrow_trailers(gateway_.lines);
  up_->end();
}

// ---- the answer's way -----------------------------------------------------------------------------------------------

void Exchange::on_information(const Information& information) {
  if (request_ == nullptr || response_->headers_sent() || is_hedging()) return;
  end_to_end_lines(gateway_.lines, information.raw_headers);
  response_->write_information(information.status_code, information.status_message, gateway_.lines);
}

void Exchange::on_response(IncomingMessage& answer) {
  first_byte_ = gateway_.loop.now();
  has_answered_ = true;
  if (care_ == nullptr) [[likely]] {
    if (Upstream::is_news_of(*server_, answer.status_code())) [[unlikely]] tell_upstream(answer);
  } else if (!takes(answer)) {
    return;
  }
  up_response_ = &answer;
  answer.on_error([this](std::error_code error) { on_response_cut(error); });
  answer.on_close([this] { on_response_closed(); });
  if (request_ == nullptr || response_->headers_sent()) return answer.resume();
  if (journey_ && !take_from_afar(answer)) [[unlikely]] return;
  const bool may_have_trailers =
      answer.has_body() && view_.method != "HEAD" && request_->http_version_minor() > 0;
  response_lines(gateway_.lines, answer, *policy_, may_have_trailers);
  if (!route_->settings.response_headers.empty()) [[unlikely]] change_response();
  if (care_ != nullptr && server_ && route_->upstream->settings.affinity) [[unlikely]] add_affinity();
  response_->relay_head(answer.status_code(), answer.status_message(), gateway_.lines);
  response_->flush_headers();
  answer.on_end([this] { on_response_end(); });
  if (answer.status_code() == reset_content) return answer.resume();
  answer.pipe(*response_, false);
}

// Whether the answer is for the client; what was only for another try has had its time.
[[gnu::noinline]] bool Exchange::takes(IncomingMessage& answer) {
  if (server_) tell_upstream(answer);
  if (!route_->settings.retry.on_status.empty() && tries_again_for(answer.status_code())) {
    answer.on_error([](std::error_code) {});  // nobody hears the rest of it
    return false;
  }
  if (care_->hedge != nullptr) care_->hedge->decide();
  if (care_->held_until != never) route_->upstream->held().release_all();
  return true;
}

void Exchange::on_response_end() {
  if (request_ == nullptr) return;
  end_to_end_lines(gateway_.lines, up_response_->raw_trailers());
  response_->borrow_trailers(gateway_.lines);
  response_->end();
  // The upstream has said all it wanted to: the rest of the request has no reader any more.
  if (!request_->complete() && up_ != nullptr && !up_->writable_finished()) up_->destroy();
}

// ---- the end, good or bad -------------------------------------------------------------------------------------------

void Exchange::on_upstream_error(std::error_code error) {
  if (failure_.reason == Reason::none || failure_.retry != MayRetry::never) {
    failure_ = upstream_failure(error, up_->connected(), false);
    if (journey_) [[unlikely]] judge_hop();
  }
}

void Exchange::on_response_cut(std::error_code error) {
  if (failure_.reason == Reason::none) {
    failure_ = upstream_failure(error, true, true);
    judge_server();
  }
  if (request_ != nullptr && !response_->writable_ended()) fail(failure_);
}

void Exchange::on_response_closed() {
  up_response_ = nullptr;
  release_if_over();
}

void Exchange::on_upstream_closed() {
  reused_ = up_->reused_socket();
  if (failure_.reason != Reason::none) [[unlikely]] return on_try_failed();
  up_ = nullptr;
  if (request_ == nullptr) release_if_over();
}

// The one place where an exchange goes wrong.
void Exchange::fail(const Failure& failure) {
  if (up_ == nullptr && hold(failure)) return;
  failure_ = failure;
  if (up_ != nullptr) {
    failure_.retry = MayRetry::never;
    up_->destroy();
  }
  if (client_has_gone()) return;
  if (response_->headers_sent()) {
    response_->destroy(failure.cause);  // a message cut short must look cut short
  } else {
    answer_failure(failure.reason);
  }
}

void Exchange::request_failed(Reason reason, std::error_code cause) {
  failure_ = {reason, MayRetry::never, cause};
}

void Exchange::answer_failure(Reason reason, const std::optional<Header>& more) {
  failure_.reason = reason;
  failure_.retry = MayRetry::never;
  const ReasonRow& what = row(reason);
  const ErrorPage page = error_page(reason, &request_->raw_headers(), request_id_);
  const std::string status_field = proxy_status(reason, policy_->server.via.empty() ? "culvert" : policy_->server.via);
  const Header lines[] = {{HeaderId::content_type, "Content-Type", page.content_type},
                          {HeaderId::proxy_status, "Proxy-Status", status_field},
                          more.value_or(Header{})};
  if (request_->has_body() && !request_->complete()) response_->should_keep_alive = false;
  answer(what.status, std::span(lines).first(more ? 3 : 2), page.body);
}

void Exchange::answer(std::uint16_t status, std::span<const Header> lines, std::string_view body) {
  std::vector<Header>& all = gateway_.lines;
  all.clear();
  if (!policy_->server.server_header.empty()) {
    all.push_back({HeaderId::server, "Server", policy_->server.server_header});
  }
  all.insert(all.end(), lines.begin(), lines.end());
  char length[24];
  const int digits = std::snprintf(length, sizeof length, "%zu", body.size());
  all.push_back({HeaderId::content_length, "Content-Length", {length, static_cast<std::size_t>(digits)}});
  if (!policy_->hsts.empty()) set_hsts(all, *policy_);
  if (route_) change_response();
  response_->relay_head(status, {}, all);
  response_->end(body);
}

// As the route wants it.
[[gnu::noinline]] void Exchange::change_response() {
  const PlaceholderValues placeholders = values();
  apply_changes(gateway_.lines, route_->settings.response_headers, context(placeholders));
}

void Exchange::redirect(const config::Redirect& action) {
  std::string target;
  expand(target, action.to, values());
  const Header lines[] = {{HeaderId::location, "Location", target}};
  answer(action.status, lines, {});
}

void Exchange::respond(const config::Respond& action) {
  const Header lines[] = {{HeaderId::content_type, "Content-Type", action.content_type}};
  answer(action.status, lines, action.body);
}

void Exchange::on_downstream_closed() {
  if (!has_left_) {  // else the tunnel writes it
    if (!response_->writable_finished() && failure_.reason == Reason::none) {
      failure_ = {Reason::client_aborted, MayRetry::never, {}};
    }
    if (gateway_.access_log) write_record();
  }
  count();
  request_ = nullptr;
  response_ = nullptr;
  if (up_ != nullptr) {
    if (care_ != nullptr && care_->hedge != nullptr) care_->hedge->end();
    up_->destroy();
  }
  Upstream::Waiter::unlink();
  release_if_over();
}

std::uint16_t Exchange::status() const {
  return response_->headers_sent() ? response_->status_code : row(failure_.reason).status;
}

// What becomes of a tunnel, it counts itself.
void Exchange::count() {
  RouteCounts& counts = route_ ? *route_->counts : *gateway_.counts.without_route;
  counts.add(request_->method(), policy_->number, status(), gateway_.loop.now() - began_, request_->body_bytes(),
             response_->body_bytes());
  if (failure_.reason != Reason::none) [[unlikely]] gateway_.counts.failed(failure_.reason);
}

void Exchange::write_record() {
  if (up_ != nullptr) reused_ = up_->reused_socket();
  AccessRecord record{
      .time = began_wall_,
      .duration = gateway_.loop.now() - began_,
      .client = view_.client.family == Endpoint::Family::none ? peer_ : view_.client,
      .peer = peer_,
      .certificate = view_.certificate,
      .user = client_ ? client_->user : std::string_view(),
      .listener = policy_->name,
      .scheme = policy_->scheme,
      .method = request_->method(),
      .target = request_->url(),
      .host = host_field_,
      .http_minor_version = request_->http_version_minor(),
      .request_headers = &request_->raw_headers(),
      .status = status(),
      .request_body_bytes = request_->body_bytes(),
      .response_body_bytes = response_->body_bytes(),
      .route = route_ ? std::string_view(route_->settings.name) : std::string_view(),
      .upstream = route_ && route_->upstream ? std::string_view(route_->upstream->settings.name) : std::string_view(),
      .server = server_ ? std::string_view(server_->text) : std::string_view(),
      .request_id = request_id_,
      .reused_connection = reused_,
      .retries = retries(),
      .time_to_first_byte = first_byte_ == TimePoint{} ? Duration{} : first_byte_ - began_,
      .reason = failure_.reason,
      .cause = failure_.cause,
  };
  if (care_ != nullptr && care_->hedge != nullptr) [[unlikely]] record.hedges = care_->hedge->count();
  if (journey_) [[unlikely]] journey_->describe(record);
  gateway_.access_log->record(record);
}

void Exchange::release() {
  Gateway::State& gateway = gateway_;
  LiveHook::unlink();
  --gateway.live_count;
  if (care_ != nullptr && care_->counted_by != nullptr) [[unlikely]] care_->counted_by->subtract(1);
  if (journey_ || route_.is_last()) [[unlikely]] gateway.let_go(std::move(route_));
  gateway.exchanges.destroy(this);
}

std::string_view Exchange::host_to_send() const {
  if (route_->upstream->settings.host_header == config::HostHeader::upstream) return server_->text;
  return host_field_;
}

}  // namespace culvert::proxy
