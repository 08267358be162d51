// If these fail, fields leak from one connection to the next, strangers are believed, and upstreams are asked for
// something else.
#include "proxy/rewrite.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "culvert/http.hpp"
#include "support/world.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {
namespace {

// One line each, as they would be sent.
std::string to_text(const std::vector<Header>& lines) {
  std::string out;
  for (const Header& line : lines) out.append(line.name).append(": ").append(line.value).append("\n");
  return out;
}

class RewriteTest : public ::testing::Test {
 protected:
  RewriteTest() {
    settings.via.clear();  // a test that is about the proxy's own lines asks for them
    settings.forwarded.send_for = settings.forwarded.send_proto = settings.forwarded.send_host = false;
    view.host = "a.test";
    view.path = "/docs/v1/a";
    view.query = "q=1";
    server.on_request([this](IncomingMessage& message, ServerResponse&) { request = &message; });
  }

  // What the upstream is sent for a request with these `fields` behind its Host.
  std::string request_with(std::string_view fields, std::string_view version = "HTTP/1.1") {
    receive("GET / " + std::string(version) + "\r\nHost: a.test\r\n" + std::string(fields) + "\r\n");
    const ListenerPolicy policy("web", 0, settings, mode);
    std::vector<Header> out;
    const PlaceholderValues placeholders = values();
    request_lines(out, *request, context(policy, placeholders), "a.test", changes, forward_expect, true, keep_alive);
    return to_text(out);
  }
  // What the client is sent for an answer with these `fields`.
  std::string response_with(std::string_view fields, std::string_view version = "HTTP/1.1") {
    std::string text;
    ClientRequest& asked = agent.request(world.address(), {});
    asked.on_response([&](IncomingMessage& answer) {
      const ListenerPolicy policy("web", 0, settings, mode, {}, {}, with_tls);
      std::vector<Header> out;
      const PlaceholderValues placeholders = values();
      response_lines(out, answer, policy, true);
      apply_changes(out, changes, context(policy, placeholders));
      text = to_text(out);
      answer.resume();
    });
    asked.end();
    EXPECT_TRUE(world.run_until([&] { return world.accepted(0) != nullptr; }));
    world.accepted(0)->send(std::string(version) + " 200 OK\r\n" + std::string(fields) + "Content-Length: 0\r\n\r\n");
    EXPECT_TRUE(world.run_until([&] { return !text.empty(); }));
    return text;
  }
  void receive(const std::string& head) {
    request = nullptr;
    auto [stream, peer_of_stream] = world.connect();
    server.adopt(std::move(stream));
    peer_of_stream.send(head);
    EXPECT_TRUE(world.run_until([&] { return request != nullptr; }));
  }
  PlaceholderValues values() const { return {view, captures, request_id, "http"}; }
  RewriteContext context(const ListenerPolicy& policy, const PlaceholderValues& placeholders) {
    peer_text = peer.ip();
    return {arena, policy, placeholders, peer, peer_text, peer_trusted, "a.test"};
  }
  // The target that the upstream is asked for where the client asked for `path`, and `query` where there is one.
  std::string target_of(std::string_view path, std::string_view query = "", bool absolute_form = false) {
    view.path = path;
    view.query = query;
    std::string url = absolute_form ? "http://a.test" : "";
    url.append(path).append(query.empty() ? "" : "?").append(query);
    receive("GET " + url + " HTTP/1.1\r\nHost: a.test\r\n\r\n");
    return std::string(upstream_target(route, *request, absolute_form, values(), arena));
  }
  HeaderList list(std::initializer_list<std::pair<std::string_view, std::string_view>> lines) {
    HeaderList headers;
    for (const auto& [name, value] : lines) headers.push(arena, {wire::header_id(name), name, value});
    return headers;
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Server server{http};
  Agent agent{http};
  Arena arena{world.loop().blocks()};
  config::Server settings;
  config::ListenerMode mode = config::ListenerMode::reverse;
  bool with_tls = false;
  config::HeaderChanges changes;
  config::Route route;
  RequestView view;
  Captures captures;
  std::string_view request_id = "id-1";
  Endpoint peer = *Endpoint::parse_ip("192.0.2.7");
  std::string peer_text;
  bool peer_trusted = false;
  bool forward_expect = true;
  bool keep_alive = true;
  IncomingMessage* request = nullptr;
};

using RequestLines = RewriteTest;
using ForwardingLines = RewriteTest;
using ResponseLines = RewriteTest;
using HeaderChanges = RewriteTest;
using UpstreamTarget = RewriteTest;

TEST_F(RequestLines, KeepOrderCaseAndRepetitions) {
  EXPECT_EQ(request_with("X-One: 1\r\nx-one: 2\r\nCookie: a\r\nX-ONE: 3\r\n"),
            "Host: a.test\nX-One: 1\nx-one: 2\nCookie: a\nX-ONE: 3\n");
}

TEST_F(RequestLines, LeaveOutWhatBelongsToTheConnection) {
  EXPECT_EQ(request_with("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                         "Upgrade: h2c\r\nProxy-Authorization: Basic eDp5\r\nX-Stays: 1\r\n"),
            "Host: a.test\nX-Stays: 1\n");
}

TEST_F(RequestLines, LeaveOutWhatConnectionNames) {
  EXPECT_EQ(request_with("Connection: close, X-HOP\r\nx-hop: 1\r\nX-Hop: 2\r\nConnection: X-More\r\nX-More: 3\r\n"
                         "X-Hopper: 4\r\n"),
            "Host: a.test\nX-Hopper: 4\n");
}

TEST_F(RequestLines, KeepWhatNobodyMayHaveRemoved) {
  EXPECT_EQ(request_with("Connection: Host, Authorization, Cookie, Content-Type\r\nAuthorization: Basic eDp5\r\n"
                         "Cookie: a=b\r\nContent-Type: text/plain\r\n"),
            "Host: a.test\nAuthorization: Basic eDp5\nCookie: a=b\nContent-Type: text/plain\n");
}

TEST_F(RequestLines, SayOverAgainThatTrailersAreWelcome) {
  EXPECT_EQ(request_with("TE: gzip, trailers\r\n"), "Host: a.test\nTE: trailers\nConnection: keep-alive, TE\n");
  keep_alive = false;
  EXPECT_EQ(request_with("TE: trailers\r\n"), "Host: a.test\nTE: trailers\nConnection: close, TE\n");
}

TEST_F(RequestLines, DoNotPassOnOtherTransferCodings) { EXPECT_EQ(request_with("TE: gzip\r\n"), "Host: a.test\n"); }

TEST_F(RequestLines, PassTheExpectationOnOnlyWhereTheUpstreamAnswersIt) {
  EXPECT_EQ(request_with("Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx"),
            "Host: a.test\nExpect: 100-continue\nContent-Length: 1\n");
  forward_expect = false;
  EXPECT_EQ(request_with("Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx"), "Host: a.test\nContent-Length: 1\n");
}

TEST_F(RequestLines, CarryTheRequestIdAndNoOther) {
  settings.forwarded.request_id = "X-Trace";
  EXPECT_EQ(request_with("x-trace: a stranger's\r\nX-Trace: another\r\n"), "Host: a.test\nX-Trace: id-1\n");
}

TEST_F(RequestLines, SayByWhichVersionTheyCame) {
  settings.via = "edge";
  EXPECT_EQ(request_with("Via: 1.0 before\r\n"), "Host: a.test\nVia: 1.0 before\nVia: 1.1 edge\n");
  EXPECT_EQ(request_with("", "HTTP/1.0"), "Host: a.test\nVia: 1.0 edge\n");
  settings.via.clear();
  EXPECT_EQ(request_with("Via: 1.0 before\r\n"), "Host: a.test\nVia: 1.0 before\n");
}

constexpr std::string_view claims =
    "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 1\r\n"
    "X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n";

TEST_F(ForwardingLines, OfAStrangerAreReplaced) {
  settings.forwarded.send_for = settings.forwarded.send_proto = settings.forwarded.send_host = true;
  settings.forwarded.send_forwarded = true;
  EXPECT_EQ(request_with(claims),
            "Host: a.test\nX-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\nX-Forwarded-Host: a.test\n"
            "Forwarded: for=192.0.2.7;host=\"a.test\";proto=http\n");
}

TEST_F(ForwardingLines, OfAStrangerGoEvenWhereNoneAreSent) { EXPECT_EQ(request_with(claims), "Host: a.test\n"); }

TEST_F(ForwardingLines, OfATrustedPeerAreContinued) {
  settings.forwarded.send_for = settings.forwarded.send_proto = settings.forwarded.send_host = true;
  settings.forwarded.send_forwarded = true;
  peer_trusted = true;
  EXPECT_EQ(request_with("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n"
                         "X-Forwarded-Host: www.test\r\nForwarded: for=1.1.1.1\r\n"),
            "Host: a.test\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7\nX-Forwarded-Proto: https\n"
            "X-Forwarded-Host: www.test\nForwarded: for=1.1.1.1, for=192.0.2.7;host=\"a.test\";proto=http\n");
}

TEST_F(ForwardingLines, OfATrustedPeerBeginWhereItSaysNothing) {
  settings.forwarded.send_for = settings.forwarded.send_proto = settings.forwarded.send_host = true;
  peer_trusted = true;
  EXPECT_EQ(request_with(""),
            "Host: a.test\nX-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\nX-Forwarded-Host: a.test\n");
}

TEST_F(ForwardingLines, OfATrustedPeerPassWhereCulvertWritesNone) {
  peer_trusted = true;
  EXPECT_EQ(request_with(claims),
            "Host: a.test\nX-Forwarded-For: 6.6.6.6\nX-Forwarded-Proto: https\nX-Forwarded-Host: evil.test\n"
            "X-Forwarded-Port: 1\nX-Real-IP: 6.6.6.6\nForwarded: for=6.6.6.6\n");
}

TEST_F(ForwardingLines, WriteIpv6AddressesEachInItsForm) {
  settings.forwarded.send_for = settings.forwarded.send_forwarded = true;
  peer = *Endpoint::parse_ip("2001:db8::7");
  EXPECT_EQ(request_with(""), "Host: a.test\nX-Forwarded-For: 2001:db8::7\n"
                              "Forwarded: for=\"[2001:db8::7]\";host=\"a.test\";proto=http\n");
}

TEST_F(ForwardingLines, SayThatAUnixPeerHasNoAddress) {
  settings.forwarded.send_for = settings.forwarded.send_forwarded = true;
  peer = {};
  peer.family = Endpoint::Family::unix_socket;
  EXPECT_EQ(request_with(""), "Host: a.test\nX-Forwarded-For: unix:\n"
                              "Forwarded: for=unknown;host=\"a.test\";proto=http\n");
}

// Of a client that has shown one: bytes are ":", base64 and ":" (RFC 8941).
std::shared_ptr<const PeerCertificate> certificate(std::initializer_list<std::string_view> chain = {}) {
  const auto bytes = [](std::string_view text) {
    return std::vector<std::byte>(as_bytes(text).begin(), as_bytes(text).end());
  };
  PeerCertificate made{
      .subject = "CN=alice", .common_name = {}, .name = {}, .fingerprint = {}, .der = bytes("own"), .chain = {}};
  for (const std::string_view each : chain) made.chain.push_back(bytes(each));
  return std::make_shared<const PeerCertificate>(made);
}

constexpr std::string_view forged =
    "Client-Cert: :Zm9yZ2Vk:\r\nclient-cert: :Zm9yZ2Vk:\r\nCLIENT-CERT-CHAIN: :Zm9yZ2Vk:\r\nClient_Cert: :Zm9yZ2Vk:\r\n"
    "client.cert.chain: :Zm9yZ2Vk:\r\nConnection: Client-Cert, Client-Cert-Chain\r\n";

TEST_F(ForwardingLines, SayWhichCertificateTheClientHasShown) {
  const auto shown = certificate();
  view.certificate = shown.get();
  EXPECT_EQ(request_with(""), "Host: a.test\nClient-Cert: :b3du:\n");
  EXPECT_EQ(request_with(forged), "Host: a.test\nClient-Cert: :b3du:\n");
  settings.forwarded.send_client_cert_chain = true;
  EXPECT_EQ(request_with(forged), "Host: a.test\nClient-Cert: :b3du:\n") << "it has no chain";
  const auto with_chain = certificate({"one", "two"});
  view.certificate = with_chain.get();
  EXPECT_EQ(request_with(forged), "Host: a.test\nClient-Cert: :b3du:\nClient-Cert-Chain: :b25l:, :dHdv:\n");
}

TEST_F(ForwardingLines, SayNothingOfACertificateWhereNoneIsToBeSent) {
  const auto shown = certificate({"one"});
  view.certificate = shown.get();
  settings.forwarded.send_client_cert = false;
  EXPECT_EQ(request_with(forged), "Host: a.test\n");
  settings.forwarded.send_client_cert = settings.forwarded.send_client_cert_chain = true;
  mode = config::ListenerMode::forward;
  EXPECT_EQ(request_with(forged), "Host: a.test\n") << "the destination is none of ours";
}

TEST_F(ForwardingLines, OfCertificatesAreNeverAClients) {
  EXPECT_EQ(request_with(forged), "Host: a.test\n");
  peer_trusted = true;
  EXPECT_EQ(request_with(forged), "Host: a.test\n") << "a peer that is trusted has not shown it either";
}

TEST_F(ForwardingLines, OfCertificatesAreTheRoutesToChange) {
  const auto shown = certificate();
  view.certificate = shown.get();
  changes = {.remove = {"client-cert"}, .set = {}, .add = {}};
  EXPECT_EQ(request_with(forged), "Host: a.test\n");
}

TEST_F(ResponseLines, LeaveOutWhatBelongsToTheConnection) {
  EXPECT_EQ(response_with("Connection: X-Hop, Set-Cookie\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a=1\r\n"
                          "set-cookie: b=2\r\nProxy-Authenticate: Basic\r\n"),
            "Set-Cookie: a=1\nset-cookie: b=2\nContent-Length: 0\n");
}

TEST_F(ResponseLines, SayByWhichVersionTheyCame) {
  settings.via = "edge";
  EXPECT_EQ(response_with("Via: 1.1 before\r\n", "HTTP/1.0"),
            "Via: 1.1 before\nContent-Length: 0\nVia: 1.0 edge\n");
}

TEST_F(ResponseLines, AreChangedAsTheRouteSays) {
  changes = {.remove = {"Server"}, .set = {{"X-Env", "beta"}}, .add = {{"Set-Cookie", "c=3"}}};
  EXPECT_EQ(response_with("Server: x\r\nX-Env: a\r\nSet-Cookie: a=1\r\n"),
            "Set-Cookie: a=1\nContent-Length: 0\nX-Env: beta\nSet-Cookie: c=3\n");
}

class HstsLines : public RewriteTest {
 protected:
  HstsLines() {
    with_tls = true;
    settings.hsts = std::chrono::hours(24);
  }
};

TEST_F(HstsLines, ReplaceThoseOfTheUpstream) {
  EXPECT_EQ(response_with("Strict-Transport-Security: max-age=1\r\nstrict-transport-security: max-age=2\r\n"),
            "Content-Length: 0\nStrict-Transport-Security: max-age=86400\n");
}

TEST_F(HstsLines, HaveTheirOptions) {
  settings.hsts_options = {"include_subdomains", "preload"};
  EXPECT_EQ(response_with(""),
            "Content-Length: 0\nStrict-Transport-Security: max-age=86400; includeSubDomains; preload\n");
}

TEST_F(HstsLines, AreTheRoutesToChange) {
  changes.set = {{"Strict-Transport-Security", "max-age=0"}};
  EXPECT_EQ(response_with(""), "Content-Length: 0\nStrict-Transport-Security: max-age=0\n");
}

TEST_F(HstsLines, AreNotForClientsWithoutTls) {
  with_tls = false;
  EXPECT_EQ(response_with(""), "Content-Length: 0\n");
}

TEST_F(HstsLines, AreNotForOthersHosts) {
  mode = config::ListenerMode::forward;
  EXPECT_EQ(response_with(""), "Content-Length: 0\n");
}

TEST_F(HstsLines, AreTheUpstreamsWhereTheListenerHasNone) {
  settings.hsts = config::off;
  EXPECT_EQ(response_with("Strict-Transport-Security: max-age=1\r\n"),
            "Strict-Transport-Security: max-age=1\nContent-Length: 0\n");
}

TEST_F(RewriteTest, TrailersAndInterimAnswersLoseTheSameFields) {
  std::vector<Header> out = {{HeaderId::host, "Host", "left from before"}};
  end_to_end_lines(out, list({{"Link", "</a>"}, {"Connection", "X-Hop"}, {"X-Hop", "1"}, {"Keep-Alive", "5"}}));
  EXPECT_EQ(to_text(out), "Link: </a>\n");
  end_to_end_lines(out, {});
  EXPECT_EQ(to_text(out), "");
}

TEST_F(HeaderChanges, AreMadeInTheOrderRemoveSetAdd) {
  changes = {.remove = {"X-A", "X-B"},
             .set = {{"X-B", "set"}, {"X-C", "set"}},
             .add = {{"X-C", "add"}, {"X-A", "add"}}};
  EXPECT_EQ(request_with("X-A: 1\r\nx-b: 2\r\nX-C: 3\r\nX-D: 4\r\nx-c: 5\r\n"),
            "Host: a.test\nX-D: 4\nX-B: set\nX-C: set\nX-C: add\nX-A: add\n");
}

TEST_F(HeaderChanges, ComeAfterTheProxysOwnLines) {
  settings.forwarded.send_for = true;
  settings.via = "edge";
  changes = {.remove = {"via"}, .set = {{"X-Forwarded-For", "hidden"}}, .add = {}};
  EXPECT_EQ(request_with(""), "Host: a.test\nX-Forwarded-For: hidden\n");
}

TEST_F(HeaderChanges, FillInPlaceholders) {
  captures.group[1] = "one";
  changes.set = {{"X-From", "{host}{uri} {1} {request_id}"}, {"X-Json", "{\"a\": 1}"}};
  EXPECT_EQ(request_with(""), "Host: a.test\nX-From: a.test/docs/v1/a?q=1 one id-1\nX-Json: {\"a\": 1}\n");
}

TEST_F(HeaderChanges, AreMadeToLinesOfCulvertsOwn) {
  const ListenerPolicy policy("web", 0, settings);
  std::vector<Header> lines = {{HeaderId::server, "Server", "culvert"}};
  changes.set = {{"server", "other"}};
  const PlaceholderValues placeholders = values();
  apply_changes(lines, changes, context(policy, placeholders));
  EXPECT_EQ(to_text(lines), "server: other\n");
}

class TrustedClientAddress : public RewriteTest {
 protected:
  TrustedClientAddress() { settings.forwarded.trust = {{*Endpoint::parse_ip("10.0.0.0"), 8}}; }
  std::string client(std::string_view from, std::initializer_list<std::string_view> forwarded_for) {
    HeaderList headers = list({{"X-Real-IP", "5.5.5.5"}});
    for (const std::string_view value : forwarded_for) {
      headers.push(arena, {HeaderId::x_forwarded_for, "X-Forwarded-For", value});
    }
    return client_address(settings.forwarded, headers, *Endpoint::parse_ip(from)).ip();
  }
};

TEST_F(TrustedClientAddress, IsThePeerWhereItIsAStranger) {
  EXPECT_EQ(client("192.0.2.1", {"6.6.6.6"}), "192.0.2.1");
  settings.forwarded.trust.clear();
  EXPECT_EQ(client("10.0.0.1", {"6.6.6.6"}), "10.0.0.1");
}

TEST_F(TrustedClientAddress, IsTheLastThatIsNotTrusted) {
  EXPECT_EQ(client("10.0.0.1", {"6.6.6.6, 192.0.2.1 ,\t10.0.0.2"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"6.6.6.6", "2001:db8::1", "10.0.0.3, 10.0.0.2"}), "2001:db8::1");
}

TEST_F(TrustedClientAddress, IsTheFirstWhereAllAreTrusted) {
  EXPECT_EQ(client("10.0.0.1", {"10.0.0.4, 10.0.0.3", "10.0.0.2"}), "10.0.0.4");
  EXPECT_EQ(client("10.0.0.1", {}), "10.0.0.1");
}

TEST_F(TrustedClientAddress, IsNotLookedForBehindWhatIsNoAddress) {
  for (const std::string_view nonsense : {"unknown", ",", "10.0.0.3:80", "[::1]", "10.0.0.3; x"}) {
    EXPECT_EQ(client("10.0.0.1", {"6.6.6.6", nonsense, "10.0.0.2"}), "10.0.0.2") << nonsense;
  }
  EXPECT_EQ(client("10.0.0.1", {"6.6.6.6,,10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(client("10.0.0.1", {"6.6.6.6", ", 10.0.0.3", "10.0.0.2"}), "10.0.0.3") << "nothing is no address either";
}

TEST_F(TrustedClientAddress, OfAUnixPeerIsThePeer) {
  Endpoint local;
  local.family = Endpoint::Family::unix_socket;
  EXPECT_FALSE(trusted(settings.forwarded, local));
  EXPECT_EQ(client_address(settings.forwarded, list({{"X-Forwarded-For", "6.6.6.6"}}), local), local);
}

TEST_F(UpstreamTarget, IsWhatTheClientAskedFor) {
  EXPECT_EQ(target_of("/a%20b/../c", "x=%26&y"), "/a%20b/../c?x=%26&y");
  receive("GET /? HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(upstream_target(route, *request, false, values(), arena), "/?");
}

TEST_F(UpstreamTarget, OfAnAbsoluteFormIsItsPathAndQuery) {
  EXPECT_EQ(target_of("/a", "b=c", true), "/a?b=c");
  EXPECT_EQ(target_of("/", "", true), "/");
}

TEST_F(UpstreamTarget, LosesItsPrefixAtTheBorderOfASegment) {
  route.strip_prefix = "/api";
  EXPECT_EQ(target_of("/api/v1/a"), "/v1/a");
  EXPECT_EQ(target_of("/api/"), "/");
  EXPECT_EQ(target_of("/api"), "/");
  EXPECT_EQ(target_of("/api", "q=1"), "/?q=1");
  EXPECT_EQ(target_of("/apis", "q=1"), "/apis?q=1");
  EXPECT_EQ(target_of("/x/api/y"), "/x/api/y");
  EXPECT_EQ(target_of("/API/y"), "/API/y");
  route.strip_prefix = "/";
  EXPECT_EQ(target_of("/a"), "/a");
}

TEST_F(UpstreamTarget, IsRewrittenWithTheQueryThatCame) {
  route.rewrite = "/base{path}";
  EXPECT_EQ(target_of("/a"), "/base/a");
  EXPECT_EQ(target_of("/a", "q=1"), "/base/a?q=1");
}

TEST_F(UpstreamTarget, IsRewrittenWithAQueryOfItsOwn) {
  route.rewrite = "{path}?from=culvert&{query}";
  EXPECT_EQ(target_of("/a", "q=1"), "/a?from=culvert&q=1");
  route.rewrite = "/b?only=this";
  EXPECT_EQ(target_of("/a", "q=1"), "/b?only=this");
}

TEST_F(UpstreamTarget, IsRewrittenWithGroups) {
  captures.group[1] = "42";
  captures.group[2] = "a/b";
  route.rewrite = "/users/{1}/files/{2}";
  EXPECT_EQ(target_of("/u/42/a/b"), "/users/42/files/a/b");
}

TEST_F(UpstreamTarget, IsRewrittenRatherThanStripped) {
  route.strip_prefix = "/api";
  route.rewrite = "/new{path}";
  EXPECT_EQ(target_of("/api/a"), "/new/api/a");
}

}  // namespace
}  // namespace culvert::proxy
