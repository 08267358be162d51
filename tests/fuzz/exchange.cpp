// If this fails, the client and the upstream disagree on what was asked: how many requests, which, or where one ends.
//
// The input is what a client sends; behind a "~" it is choices of a grammar that make it. It goes through server, gateway
// and agent in memory. A strict reader that shares no code with culvert reads what the client has sent and what the
// upstream has got.
#include <set>
#include <string>
#include <vector>

#include "fuzz/request_grammar.hpp"
#include "fuzz/strict_http.hpp"
#include "fuzz/target.hpp"
#include "proxy/fleet.hpp"
#include "proxy/gateway.hpp"
#include "proxy/tunnel_places.hpp"
#include "support/world.hpp"

namespace culvert::fuzz {
namespace {

using strict::Field;
using strict::Request;
using strict::Stream;

constexpr std::string_view answer = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view switching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
constexpr std::string_view said_in_stream = "no HTTP any more";

class Proxied {
 public:
  Proxied(bool normalize_path, bool switches) : switches_(switches) {
    config::Config config;
    config.listeners.push_back({.name = "web", .addresses = {}, .max_connections = 0, .server = {}});
    config.listeners[0].server.normalize_path = normalize_path;
    config.upstreams["api"] = {.name = "api", .servers = {world_.address()}};
    config.routes.push_back({.name = "all", .action = config::ToUpstream{"api"}});
    config.listeners[0].tunnel = "out";
    config.tunnels["out"] = {.name = "out",
                             .default_allow = true,
                             .private_networks = {.allow_all = true, .networks = {}},
                             .ports = {world_.address().ip.port}};
    gateway_.apply(std::make_shared<const config::Config>(config));
    gateway_.serve(server_, "web");
  }

  // Plays the client, and the upstream, which answers each request as soon as it is complete. Where it switches, one for
  // a change of protocol is answered by changing.
  void send(std::string_view bytes, Choices choices) {
    auto [stream, peer] = world_.connect();
    test::TestPeer& client = peer;
    client_ = &client;
    server_.adopt(std::move(stream));
    const std::size_t largest = choices.next(2) == 0 ? bytes.size() : 50;
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, choices.next(largest) + 1);
      client.send(piece);
      bytes.remove_prefix(piece.size());
      settle();
    }
    client.half_close();
    settle();
    heard_ = client.received();
    read_statuses(heard_);
    client.close();
    settle();
    EXPECT_EQ(gateway_.exchanges(), 0u) << "with the client gone";
    if (stream_ != nullptr) stream_->close();
    settle();
    EXPECT_EQ(gateway_.tunnels(), 0u) << "with both sides gone";
  }

  const std::vector<Request>& arrived() const { return arrived_; }
  const std::string& heard() const { return heard_; }
  const std::vector<int>& statuses() const { return statuses_; }  // of the answers, in order
  const std::string& streamed() const { return streamed_; }  // what the upstream got when it was no HTTP any more

 private:
  void settle() {
    do world_.settle();
    while (upstream_answers());
  }

  bool upstream_answers() {
    bool answered = false;
    for (std::size_t n = 0; test::TestPeer* peer = world_.accepted(n); ++n) {
      if (seen_.size() <= n) {
        seen_.push_back(0);
        answered = begin_tunnel(*peer) || answered;
      }
      if (peer == stream_) {
        streamed_ = peer->received().substr(http_before_stream_);
        continue;
      }
      const Stream got = strict::Reader(peer->received()).read();
      EXPECT_NE(got.end, Stream::End::malformed) << peer->received();
      for (; seen_[n] < got.requests.size(); ++seen_[n]) {
        const Request& request = got.requests[seen_[n]];
        arrived_.push_back(request);
        expect_allowed_protocols(request);
        answered = true;
        if (switches_ && strict::count(request.fields, "upgrade") > 0) {
          begin_stream(*peer, switching, request.end);
          break;
        }
        peer->send(answer);
      }
    }
    return answered;
  }

  // A connection that was made for a CONNECT has brought no request.
  bool begin_tunnel(test::TestPeer& peer) {
    if (client_->received().find("HTTP/1.1 200 Connection Established\r\n\r\n") == std::string::npos) return false;
    begin_stream(peer, {}, 0);
    return true;
  }

  void begin_stream(test::TestPeer& peer, std::string_view head, std::size_t http_before) {
    EXPECT_EQ(stream_, nullptr) << "one client has left HTTP twice";
    stream_ = &peer;
    http_before_stream_ = http_before;
    peer.send(head);
    peer.send(said_in_stream);
  }

  static void expect_allowed_protocols(const Request& request) {
    for (const std::string& protocol : strict::members(request.fields, "upgrade")) EXPECT_EQ(protocol, "websocket");
    EXPECT_EQ(strict::count(request.fields, "http2-settings"), 0u);
  }

  void read_statuses(std::string_view text) {
    constexpr std::string_view start = "HTTP/1.1 ";
    for (std::size_t at = text.find(start); at != std::string_view::npos; at = text.find(start, at + 1)) {
      statuses_.push_back(std::stoi(std::string(text.substr(at + start.size(), 3))));
    }
  }

  test::World world_;
  Http http_{world_.loop(), world_.network(), world_.resolver()};
  Server server_{http_, proxy::Gateway::server_options({})};
  proxy::TunnelPlaces places_;
  proxy::Fleets fleets_{1};
  proxy::Gateway gateway_{http_, nullptr, places_, {fleets_, 0}};
  std::vector<std::size_t> seen_;  // complete requests of each upstream connection
  std::vector<Request> arrived_;
  std::string heard_;
  std::vector<int> statuses_;
  const bool switches_;
  test::TestPeer* client_ = nullptr;
  test::TestPeer* stream_ = nullptr;  // the upstream's end of what is no HTTP any more
  std::size_t http_before_stream_ = 0;
  std::string streamed_;
};

// What is compared on its own, belongs to one connection, is culvert's to write, or could be taken for such a name.
bool is_compared(const Field& field, const std::vector<std::string>& nominated) {
  static const std::set<std::string> others = {
      "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "upgrade",
      "http2-settings", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization", "expect", "via",
      "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip",
      "x-request-id", "trailer", "max-forwards"};
  const std::string name = strict::lower(field.name);
  if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos) return false;
  return !others.contains(name) && std::find(nominated.begin(), nominated.end(), name) == nominated.end();
}

std::string compared_fields(const Request& request, const std::vector<std::string>& nominated) {
  std::string out;
  for (const Field& field : request.fields) {
    if (is_compared(field, nominated)) out += field.name + ": " + field.value + "\n";
  }
  return out;
}

// The absolute form without its origin.
std::string path_of(const std::string& target) {
  const std::size_t scheme = target.find("://");
  if (target.front() == '/' || scheme == std::string::npos) return target;
  const std::size_t path = target.find_first_of("/?", scheme + 3);
  if (path == std::string::npos) return "/";
  return target[path] == '?' ? "/" + target.substr(path) : target.substr(path);
}

std::string host_of(const Request& request) {
  for (const Field& field : request.fields) {
    if (strict::lower(field.name) == "host") return field.value;
  }
  return {};
}

// There is one way to write it: normalize_path leaves it alone.
bool is_normal(const std::string& target) {
  return target.find("//") == std::string::npos && target.find("/.") == std::string::npos &&
         target.find_first_of("%\\;") == std::string::npos;
}

void expect_same(const Request& sent, const Request& got, bool normalize_path) {
  EXPECT_EQ(got.method, sent.method);
  if (!normalize_path || is_normal(path_of(sent.target))) {
    EXPECT_EQ(got.target, path_of(sent.target));
  }
  EXPECT_EQ(got.body, sent.body);
  EXPECT_EQ(got.minor_version, 1);
  if (sent.target.front() == '/' && !host_of(sent).empty()) {
    EXPECT_EQ(host_of(got), host_of(sent));
  }
  const auto nominated = strict::members(sent.fields, "connection");
  EXPECT_EQ(compared_fields(got, nominated), compared_fields(sent, nominated));
  for (const Field& trailer : got.trailers) {
    const auto same = [&](const Field& line) { return line.name == trailer.name && line.value == trailer.value; };
    EXPECT_TRUE(std::any_of(sent.trailers.begin(), sent.trailers.end(), same)) << trailer.name;
  }
}

// Nothing about it is left to judge: it must be passed on.
bool is_plain(const Request& request) {
  static const std::set<std::string> methods = {"GET", "POST", "PUT", "DELETE", "HEAD"};
  const std::string host = host_of(request);
  return methods.contains(request.method) && is_normal(request.target) && !request.has_extensions && request.target.front() == '/' && request.minor_version == 1 &&
         !host.empty() && std::all_of(host.begin(), host.end(), strict::is_alpha) &&
         strict::count(request.fields, "expect") == 0 && strict::count(request.fields, "upgrade") == 0;
}

}  // namespace

void run(std::string_view input) {
  const std::string bytes = input.starts_with('~') ? RequestGrammar(input.substr(1)).stream() : std::string(input);
  const Stream sent = strict::Reader(bytes).read();
  Choices choices(input);
  const bool normalize_path = choices.next(2) == 0;
  Proxied proxied(normalize_path, choices.next(2) == 0);
  proxied.send(bytes, choices);

  const auto& statuses = proxied.statuses();
  EXPECT_LE(statuses.size(), sent.requests.size() + 1) << bytes;
  std::size_t arrived = 0;
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    const bool connected = statuses[i] == 200;
    if (statuses[i] != 204 && statuses[i] != 101 && !connected) continue;  // culvert's own answer
    ASSERT_LT(i, sent.requests.size()) << "passed on, but not complete or malformed: " << bytes;
    if (statuses[i] != 204) {
      EXPECT_EQ(proxied.streamed(), bytes.substr(sent.requests[i].end)) << bytes;
      EXPECT_TRUE(proxied.heard().ends_with(said_in_stream)) << proxied.heard();
    }
    if (connected) {
      EXPECT_EQ(sent.requests[i].method, "CONNECT");
      continue;
    }
    ASSERT_LT(arrived, proxied.arrived().size()) << bytes;
    expect_same(sent.requests[i], proxied.arrived()[arrived++], normalize_path);
  }
  EXPECT_EQ(arrived, proxied.arrived().size()) << "more requests have arrived than were answered: " << bytes;
  for (std::size_t i = 0; i < sent.requests.size() && is_plain(sent.requests[i]); ++i) {
    EXPECT_TRUE(i < statuses.size() && statuses[i] == 204) << "request " << i << " was refused: " << bytes << proxied.heard();
  }
}

}  // namespace culvert::fuzz
