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
#include "proxy/gateway.hpp"
#include "proxy/tunnel_places.hpp"
#include "support/world.hpp"

namespace culvert::fuzz {
namespace {

using strict::Field;
using strict::Request;
using strict::Stream;

constexpr std::string_view answer = "HTTP/1.1 204 No Content\r\n\r\n";

class Proxied {
 public:
  explicit Proxied(bool normalize_path) {
    config::Config config;
    config.listeners.push_back({.name = "web", .addresses = {}, .max_connections = 0, .server = {}});
    config.listeners[0].server.normalize_path = normalize_path;
    config.upstreams["api"] = {.name = "api", .servers = {world_.address()}};
    config.routes.push_back({.name = "all", .action = config::ToUpstream{"api"}});
    gateway_.apply(std::make_shared<const config::Config>(config));
    gateway_.serve(server_, "web");
  }

  // Plays the client, and the upstream, which answers each request as soon as it is complete.
  void send(std::string_view bytes, Choices choices) {
    auto [stream, client] = world_.connect();
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
  }

  const std::vector<Request>& arrived() const { return arrived_; }
  const std::string& heard() const { return heard_; }
  const std::vector<int>& statuses() const { return statuses_; }  // of the answers, in order

 private:
  void settle() {
    do world_.settle();
    while (upstream_answers());
  }

  bool upstream_answers() {
    bool answered = false;
    for (std::size_t n = 0; test::TestPeer* peer = world_.accepted(n); ++n) {
      if (seen_.size() <= n) seen_.push_back(0);
      const Stream got = strict::Reader(peer->received()).read();
      EXPECT_NE(got.end, Stream::End::malformed) << peer->received();
      for (; seen_[n] < got.requests.size(); ++seen_[n]) {
        arrived_.push_back(got.requests[seen_[n]]);
        peer->send(answer);
        answered = true;
      }
    }
    return answered;
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
  proxy::Gateway gateway_{http_, nullptr, places_};
  std::vector<std::size_t> seen_;  // complete requests of each upstream connection
  std::vector<Request> arrived_;
  std::string heard_;
  std::vector<int> statuses_;
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
  Proxied proxied(normalize_path);
  proxied.send(bytes, choices);

  const auto& statuses = proxied.statuses();
  EXPECT_LE(statuses.size(), sent.requests.size() + 1) << bytes;
  std::size_t arrived = 0;
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i] != 204) continue;  // culvert's own answer
    ASSERT_LT(i, sent.requests.size()) << "passed on, but not complete or malformed: " << bytes;
    ASSERT_LT(arrived, proxied.arrived().size()) << bytes;
    expect_same(sent.requests[i], proxied.arrived()[arrived++], normalize_path);
  }
  EXPECT_EQ(arrived, proxied.arrived().size()) << "more requests have arrived than were answered: " << bytes;
  for (std::size_t i = 0; i < sent.requests.size() && is_plain(sent.requests[i]); ++i) {
    EXPECT_TRUE(i < statuses.size() && statuses[i] == 204) << "request " << i << " was refused: " << bytes << proxied.heard();
  }
}

}  // namespace culvert::fuzz
