// One request on its way through the proxy and its answer on the way back. Read exchange.cpp from top to bottom.
//
//   start -> find_route -> admits -> apply_policy -> choose_upstream -> send_request -> on_response -> finish
//                |                                               ^           |       |
//                |                        (choice.cpp)          +-- retry --+-------+---> fail     (retry.cpp)
//                |                                                           \--> on_upgrade, where both want it
//                +-> open_passage -> set_out -> on_passage, where the client names its destination:
//                      GET http://...: send_request       CONNECT: become_tunnel
//                      by a parent proxy, both: choose_hop -> send_request, and for CONNECT -> on_parent_leads
//
// Where a second server is asked as well (hedge.cpp), all this is of the one that is asked last, until the other one is heard of.
//
// Begins when the request's head is complete and ends when both sides have closed their messages. It borrows the four
// messages; each side tells it of its end by its close event, and is not touched afterwards.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.hpp"
#include "base/ref.hpp"
#include "culvert/http.hpp"
#include "proxy/authenticator.hpp"
#include "proxy/failure.hpp"
#include "proxy/gateway.hpp"
#include "proxy/passage.hpp"
#include "proxy/rewrite.hpp"
#include "proxy/site.hpp"
#include "proxy/tunnel.hpp"

namespace culvert::proxy {

struct Challenge;

// Its place among the exchanges of a worker.
struct LiveHook : ListHook {};

class Exchange final : public LiveHook, private Upstream::Waiter {
 public:
  Exchange(Gateway::State& gateway, Ref<ListenerPolicy> policy, IncomingMessage& request, ServerResponse& response,
           bool expects_continue);
  ~Exchange();

  void start();
  void turn_away();  // in place of start(): there is no memory for it
  // The client's request could not be read to its end; the answer is already on its way.
  void request_failed(Reason reason, std::error_code cause);
  const IncomingMessage* request() const { return request_; }

 private:
  struct Care;
  struct Hedge;
  // Each says whether the next step may follow; where it may not, an answer or a wait is under way.
  bool read_head();
  bool recall_handshake();
  void note_certificate(std::shared_ptr<const PeerCertificate> shown);
  bool find_route();
  bool apply_policy();
  void open_passage(const Ref<AccessPolicy>& policy);
  void set_out();
  void on_passage();
  void ask_to_upgrade();
  void await_upgrade();
  void on_upgrade(const IncomingMessage& answer, Socket& socket, Bytes rest);
  std::string_view protocols_to_ask();
  void become_tunnel(BareStream upstream, const std::string& server, Bytes from_upstream);
  bool choose_hop();
  Agent::Origin* next_hop(Agent& agent);
  void hop_is_late();
  void ask_parent(Agent& agent, Agent::Origin& origin);
  void on_parent_leads(const IncomingMessage& answer, std::unique_ptr<Socket>& socket, Bytes rest);
  void on_parent_refuses(IncomingMessage& answer);
  std::string_view target_for_parent(std::string_view target);
  bool wants_tunnel() const { return view_.method == "CONNECT"; }
  bool has_parent() const;
  TunnelOrigin tunnel_origin(std::string_view server) const;
  bool meet_expectation(config::ExpectContinue mode);
  bool may_be_forwarded();
  bool choose_upstream();
  // The server that was chosen; null: none.
  [[gnu::always_inline]] bool use(Backend* chosen) {
    if (chosen == nullptr) [[unlikely]] return nothing_to_choose();
    server_ = BackendUse(*chosen);
    ++tries_;
    return true;
  }
  bool choose_specially();
  bool choose_again();
  Backend* next_backend(std::uint64_t& tried);
  bool nothing_to_choose();
  bool follow_cookie();
  bool take_place();
  void send_request();
  [[gnu::always_inline]] void listen_to(ClientRequest& up) {
    up.on_information([this](const Information& information) { on_information(information); });
    up.on_response([this](IncomingMessage& answer) { on_response(answer); });
    up.on_error([this](std::error_code error) { on_upstream_error(error); });
    up.on_close([this] { on_upstream_closed(); });
  }
  void prepare_hedge();
  bool is_hedging() const;
  void add_credentials();
  void add_proxy_credentials();
  bool count_bytes(IncomingMessage& message);
  bool take_from_afar(IncomingMessage& answer);
  void judge_hop();
  Bytes proxy_header(config::SendProxyProtocol version);
  void forward_body();

  void serve();
  void serve_onward();
  bool admits(Authenticator& users, const Challenge& challenge, void (Exchange::*next)());
  bool accept(const Authenticator::Verdict& verdict);
  bool accept_certificate();
  Header challenge_line() const;
  void on_try_again() noexcept override;
  void on_information(const Information& information);
  void on_response(IncomingMessage& answer);
  void on_upstream_error(std::error_code error);
  void on_upstream_closed();
  void on_body_part(Bytes part);
  void on_request_end();
  void tell_upstream(const IncomingMessage& answer);
  bool takes(IncomingMessage& answer);
  void add_affinity();
  void change_response();
  void on_response_end();
  void on_response_cut(std::error_code error);
  void on_response_closed();
  void on_downstream_closed();

  std::uint32_t retries() const { return tries_ > 0 ? tries_ - 1 : 0; }
  bool may_be_repeated() const;
  std::uint32_t tries_max() const;
  bool is_last_try() const;
  bool has_a_try_left() const;
  bool is_whole() const;
  bool may_try_again(const Failure& failure);
  bool has_another_address(const Failure& failure) const;
  bool take_another_address();
  void on_try_failed();
  void try_again();
  bool tries_again_for(std::uint16_t status);
  config::milliseconds time_to_answer() const;
  void judge_server();
  Care& care();
  std::uint32_t tries_since_held() const;
  void keep_body();
  void send_kept_body();
  bool hold(const Failure& failure);
  void fail(const Failure& failure);
  void answer_failure(Reason reason, const std::optional<Header>& more = {});
  void turn_back(Reason reason);
  void answer(std::uint16_t status, std::span<const Header> lines, std::string_view body);
  void redirect(const config::Redirect& action);
  void respond(const config::Respond& action);
  bool parse_target();
  bool simplify_host();
  bool normalize_path();
  std::uint16_t status() const;
  void count();
  void write_record();
  // Or is known to be going: on_downstream_closed() is for the end of this turn.
  bool client_has_gone() const { return request_ == nullptr || response_->destroyed(); }
  void release_if_over() {
    if (request_ == nullptr && up_ == nullptr && up_response_ == nullptr && !Upstream::Waiter::linked()) release();
  }
  void release();

  std::string_view host_to_send() const;
  PlaceholderValues values() const { return {view_, *captures_, request_id_, policy_->scheme}; }
  RewriteContext context(const PlaceholderValues& v) {
    return {arena_, *policy_, v, peer_, {peer_text_, peer_text_size_}, peer_trusted_, host_field_};
  }

  Gateway::State& gateway_;
  Arena arena_;                       // for text that is made on the way
  Ref<ListenerPolicy> policy_;
  Ref<Route> route_;
  BackendUse server_;                 // that was asked last
  struct Journey;
  std::unique_ptr<Journey> journey_;  // where the client names its destination
  IncomingMessage* request_;          // null once closed, with response_
  ServerResponse* response_;
  ClientRequest* up_ = nullptr;       // null before and after
  IncomingMessage* up_response_ = nullptr;
  RequestView view_;
  const Captures* captures_ = &no_captures;  // of the route's expression, where it has one
  std::string_view host_field_;       // Host as the client meant it
  std::string_view request_id_;
  struct Client;
  std::unique_ptr<Client> client_;    // who it is, where somebody asks
  Endpoint peer_;
  std::uint8_t peer_text_size_ = 0;
  char peer_text_[64];                // its address, once it is needed
  TimePoint began_;
  WallTime began_wall_;
  TimePoint first_byte_{};
  TimePoint sent_{};                  // this try
  std::uint64_t tried_ = 0;           // backends, a bit each
  std::uint32_t tries_ = 0;
  std::uint32_t stale_tries_ = 0;     // of tries_: a pooled connection had ended
  std::uint32_t addresses_tried_ = 0; // of the destination, where the client names it
  Failure failure_;                   // of the try that has just ended, or of the whole exchange
  Care* care_ = nullptr;              // null: it is a plain one
  bool expects_continue_;
  bool has_answered_ = false;         // the server, in this try
  bool was_sent_ = false;             // the request with its body, once at least
  bool peer_trusted_ = false;
  bool target_differs_ = false;       // path and query are not what the request line says
  bool reused_ = false;
  bool awaits_end_ = false;           // of the request's body
  bool has_left_ = false;             // HTTP: what follows is a tunnel's
};

}  // namespace culvert::proxy
