// If these fail, records are lost, lie, can be forged by whoever chooses a URL, or show secrets.
#include "proxy/access_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <set>
#include <vector>

#include "base/arena.hpp"
#include "base/block_pool.hpp"
#include "config/access_fields.hpp"
#include "culvert/error.hpp"
#include "culvert/peer_certificate.hpp"
#include "support/manual_loop.hpp"
#include "wire/header_names.hpp"

namespace {
std::size_t allocations = 0;
}  // namespace

// Counts what the whole program allocates: a line of the log must not.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes != 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct CollectingSink final : LogSink {
  void submit(std::string& buffer, std::uint32_t lines) override {
    texts.push_back(buffer);
    line_counts.push_back(lines);
    buffer.clear();
  }
  std::vector<std::string> texts;
  std::vector<std::uint32_t> line_counts;
};

class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() {
    settings.file = "-";
    record.time = WallTime(std::chrono::sys_days(2026y / 11 / 21)) + 10h + 123ms;
    record.duration = 1s + 2345us;
    record.client = *Endpoint::parse_ip("192.0.2.7", 40'000);
    record.peer = *Endpoint::parse_ip("2001:db8::1", 50'000);
    record.listener = "web";
    record.scheme = "http";
    record.method = "POST";
    record.target = "/buy/it?card=1";
    record.host = "shop.test:8080";
    record.request_headers = &headers;
    record.status = 201;
    record.request_body_bytes = 10;
    record.response_body_bytes = 1234;
    record.route = "shop";
    record.upstream = "origin";
    record.server = "10.0.0.1:80";
    record.request_id = "id-1";
    header("User-Agent", "probe/1");
  }
  void header(std::string_view name, std::string_view value) {
    headers.push(arena, {wire::header_id(name), name, value});
  }
  void advance(Duration by) {
    loop.advance(by);
    loop.settle();
  }
  // The line of `record`, without its end.
  std::string line() {
    CollectingSink sink;
    AccessLog log(settings, loop, sink);
    log.record(record);
    log.flush();
    EXPECT_EQ(sink.texts.size(), 1u);
    std::string text = sink.texts.at(0);
    EXPECT_TRUE(text.ends_with('\n'));
    text.pop_back();
    EXPECT_EQ(text.find('\n'), std::string::npos);
    return text;
  }
  std::string json(std::vector<std::string> fields) {
    settings.fields = std::move(fields);
    return line();
  }
  std::string combined() {
    settings.format = config::AccessFormat::combined;
    return line();
  }

  test::ManualLoop loop;
  BlockPool blocks;
  Arena arena{blocks};
  HeaderList headers;
  config::AccessLog settings;
  AccessRecord record;
};

using AccessLogJson = AccessLogTest;
using AccessLogCombined = AccessLogTest;
using AccessLogFlush = AccessLogTest;

TEST(AccessFields, EveryNameIsOneOfItsOwn) {
  std::set<std::string_view> names;
  for (const config::AccessFieldRow& row : config::access_field_rows) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(config::find_access_field(row.name), row.field) << row.name;
  }
}

TEST(AccessFields, KnowsShortNamesAndHeadersAndNothingElse) {
  EXPECT_EQ(config::find_access_field("route"), config::AccessField::route);
  EXPECT_EQ(config::find_access_field("http.request.header.x-own"), config::AccessField::request_header);
  for (const char* name : {"", "culvert.", "address", "http.request.header.", "http.request.header", "Time"}) {
    EXPECT_FALSE(config::is_access_field(name)) << name;
  }
}

TEST_F(AccessLogJson, SaysWhichCertificateAClientHasShown) {
  const std::vector<std::string> fields{"tls.client.subject", "tls.client.x509.alternative_names",
                                        "tls.client.hash.sha256"};
  EXPECT_EQ(json(fields), "{}");
  const PeerCertificate shown{.subject = "CN=alice\\, \\\"of\\\" us", .common_name = {}, .name = "alice.test",
                              .fingerprint = "AB12", .der = {}, .chain = {}};
  record.certificate = &shown;
  EXPECT_EQ(json(fields),
            R"({"tls.client.subject":"CN=alice\\, \\\"of\\\" us","tls.client.x509.alternative_names":"alice.test",)"
            R"("tls.client.hash.sha256":"AB12"})");
  settings.fields.clear();
  EXPECT_THAT(line(), Not(HasSubstr("tls.client")));
  settings.with_certificates = true;
  EXPECT_THAT(line(), HasSubstr(R"(,"tls.client.subject":"CN=alice\\)"));
}

TEST_F(AccessLogJson, HoldsTheStandardFields) {
  EXPECT_EQ(line(),
            R"({"time":"2026-11-21T10:00:00.123Z","client.address":"192.0.2.7","http.request.method":"POST",)"
            R"("url.scheme":"http","server.address":"shop.test","url.path":"/buy/it","url.query":"card=1",)"
            R"("network.protocol.version":"1.1","user_agent.original":"probe/1","http.response.status_code":201,)"
            R"("http.request.body.size":10,"http.response.body.size":1234,"duration":1.002345,"culvert.route":"shop",)"
            R"("culvert.upstream":"origin","culvert.server":"10.0.0.1:80","culvert.reused":false,"culvert.retries":0,)"
            R"("culvert.request_id":"id-1"})");
}

TEST_F(AccessLogJson, HoldsTheChosenFieldsInTheirOrderAndUnderTheirNames) {
  EXPECT_EQ(json({"upstream", "duration", "culvert.route", "client.port"}),
            R"({"upstream":"origin","duration":1.002345,"culvert.route":"shop","client.port":40000})");
}

TEST_F(AccessLogJson, HasTheOtherFieldsToo) {
  record.time_to_first_byte = 5ms;
  record.reused_connection = true;
  record.retries = 2;
  EXPECT_EQ(json({"network.peer.address", "culvert.time.first_byte", "culvert.listener", "culvert.reused", "retries"}),
            R"({"network.peer.address":"2001:db8::1","culvert.time.first_byte":0.005000,"culvert.listener":"web",)"
            R"("culvert.reused":true,"retries":2})");
}

TEST_F(AccessLogJson, LeavesOutWhatIsNotKnown) {
  record = {};
  record.time = WallTime{};
  EXPECT_EQ(line(), R"({"time":"1970-01-01T00:00:00.000Z","http.request.body.size":0,"http.response.body.size":0,)"
                    R"("duration":0.000000})");
  EXPECT_EQ(json({"error.type", "url.query"}), "{}");
}

TEST_F(AccessLogJson, SaysWhyItFailed) {
  record.reason = Reason::upstream_connect_refused;
  record.cause = std::make_error_code(std::errc::connection_refused);
  EXPECT_EQ(json({"error.type", "error.cause"}),
            R"({"error.type":"upstream_connect_refused","error.cause":"Connection refused"})");
}

TEST_F(AccessLogJson, SplitsEveryFormOfTarget) {
  const auto target = [this](std::string_view text) {
    record.target = text;
    return json({"url.path", "url.query"});
  };
  EXPECT_EQ(target("/"), R"({"url.path":"/"})");
  EXPECT_EQ(target("/a?"), R"({"url.path":"/a"})");
  EXPECT_EQ(target("/a?b?c"), R"({"url.path":"/a","url.query":"b?c"})");
  EXPECT_EQ(target("http://host:80/a?b"), R"({"url.path":"/a","url.query":"b"})");
  EXPECT_EQ(target("http://host?b"), R"({"url.query":"b"})");
  EXPECT_EQ(target("http://host"), "{}");
  EXPECT_EQ(target("*"), R"({"url.path":"*"})");
  EXPECT_EQ(target("host:443"), R"({"url.path":"host:443"})");
}

TEST_F(AccessLogJson, TakesThePortOffTheHost) {
  const auto host = [this](std::string_view text) {
    record.host = text;
    return json({"server.address"});
  };
  EXPECT_EQ(host("a.test"), R"({"server.address":"a.test"})");
  EXPECT_EQ(host("[::1]:80"), R"({"server.address":"[::1]"})");
  EXPECT_EQ(host("[::1]"), R"({"server.address":"[::1]"})");
  EXPECT_EQ(host("[::1"), R"({"server.address":"[::1"})");
}

TEST_F(AccessLogJson, NobodyCanForgeARecord) {
  record.target = "/\"},\n{\"x\":\"\\";
  EXPECT_EQ(json({"url.path"}), R"({"url.path":"/\"},\n{\"x\":\"\\"})");
}

// Escaping is judged eight characters at a time: each position, and each character that needs it, must be seen.
TEST_F(AccessLogJson, EscapesEveryCharacterAtEveryPlace) {
  for (std::size_t size : {1u, 7u, 8u, 9u, 16u, 23u}) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char c : {'"', '\\', '\0', '\x1f', '\x7f', '\x80', '\xff'}) {
        std::string text(size, 'a');
        text[at] = c;
        record.route = text;
        EXPECT_NE(json({"route"}), "{\"route\":\"" + text + "\"}") << size << ' ' << at << ' ' << static_cast<int>(c);
      }
      for (const char c : {' ', '!', '#', '[', ']', '~'}) {
        std::string text(size, 'a');
        text[at] = c;
        record.route = text;
        EXPECT_EQ(json({"route"}), "{\"route\":\"" + text + "\"}");
      }
    }
  }
}

TEST_F(AccessLogJson, KeepsTextThatIsNotAscii) {
  record.route = "caf\xc3\xa9";
  EXPECT_EQ(json({"route"}), "{\"route\":\"caf\xc3\xa9\"}");
}

TEST_F(AccessLogJson, ShowsFieldsOfTheHead) {
  header("X-Own", "first");
  header("x-own", "second");
  EXPECT_EQ(json({"http.request.header.x-own", "http.request.header.User-Agent", "http.request.header.x-none"}),
            R"({"http.request.header.x-own":"first","http.request.header.User-Agent":"probe/1"})");
}

TEST_F(AccessLogJson, NeverShowsWhatIsRedacted) {
  header("Authorization", "hunter2");
  header("X-Secret", "hunter2");
  settings.redact = {"authorization", "X-SECRET", "User-Agent"};
  EXPECT_EQ(json({"http.request.header.authorization", "http.request.header.x-secret", "user_agent.original"}),
            R"({"http.request.header.authorization":"[redacted]","http.request.header.x-secret":"[redacted]",)"
            R"("user_agent.original":"[redacted]"})");
}

TEST_F(AccessLogJson, NeverShowsWhatIsForCulvertAlone) {
  header("Proxy-Authorization", "hunter2");
  settings.redact = {};
  EXPECT_EQ(json({"http.request.header.proxy-authorization"}), R"({"http.request.header.proxy-authorization":"[redacted]"})");
}

TEST_F(AccessLogJson, ShowsWhoAskedWhereThatIsKnown) {
  EXPECT_EQ(json({"user.name", "http.response.status_code"}), R"({"http.response.status_code":201})");
  record.user = "ann \"x\"";
  EXPECT_EQ(json({"user.name"}), R"({"user.name":"ann \"x\""})");
}

TEST_F(AccessLogJson, TimeGoesOnFromSecondToSecond) {
  settings.fields = {"time"};
  CollectingSink sink;
  AccessLog log(settings, loop, sink);
  for (const auto step : {0ms, 876ms, 1ms, 59'000ms}) {
    record.time += step;
    log.record(record);
  }
  log.flush();
  EXPECT_EQ(sink.texts.at(0), "{\"time\":\"2026-11-21T10:00:00.123Z\"}\n{\"time\":\"2026-11-21T10:00:00.999Z\"}\n"
                              "{\"time\":\"2026-11-21T10:00:01.000Z\"}\n{\"time\":\"2026-11-21T10:01:00.000Z\"}\n");
}

TEST_F(AccessLogCombined, IsTheLineOfNginx) {
  header("Referer", "http://r.test/");
  EXPECT_EQ(combined(), "192.0.2.7 - - [21/Nov/2026:10:00:00 +0000] \"POST /buy/it?card=1 HTTP/1.1\" 201 1234 "
                        "\"http://r.test/\" \"probe/1\"");
}

TEST_F(AccessLogCombined, WritesDashesForWhatIsNotThere) {
  const WallTime time = record.time;
  record = {};
  record.time = time;
  EXPECT_EQ(combined(), "- - - [21/Nov/2026:10:00:00 +0000] \"-\" 000 0 \"-\" \"-\"");
}

TEST_F(AccessLogCombined, ShowsWhoAsked) {
  record.user = "ann\"x";
  EXPECT_THAT(combined(), HasSubstr(" - ann\\x22x [21/Nov"));
}

TEST_F(AccessLogCombined, EscapesAsNginxDoes) {
  headers.clear();
  header("User-Agent", "a \"b\\c\t\x7f\xc3\xa9");
  record.target = "/\"x\"";
  record.http_minor_version = 0;
  EXPECT_THAT(combined(), HasSubstr("\"POST /\\x22x\\x22 HTTP/1.0\" "));
  EXPECT_THAT(combined(), EndsWith("\"a \\x22b\\x5Cc\\x09\\x7F\\xC3\\xA9\""));
}

TEST_F(AccessLogCombined, NeverShowsWhatIsRedacted) {
  settings.redact = {"user-agent"};
  EXPECT_THAT(combined(), EndsWith("\"[redacted]\""));
}

TEST_F(AccessLogFlush, WaitsASecondFromTheFirstLine) {
  CollectingSink sink;
  AccessLog log(settings, loop, sink);
  log.record(record);
  advance(600ms);
  log.record(record);
  advance(399ms);
  EXPECT_TRUE(sink.texts.empty());
  advance(2ms);
  ASSERT_EQ(sink.line_counts, std::vector<std::uint32_t>{2});
  EXPECT_THAT(sink.texts[0], StartsWith("{\"time\""));
}

TEST_F(AccessLogFlush, GivesLaterLinesTheirOwnSecond) {
  CollectingSink sink;
  AccessLog log(settings, loop, sink);
  log.record(record);
  log.flush();
  advance(900ms);
  log.record(record);
  advance(200ms);  // the first line's second is over, this one's is not
  EXPECT_EQ(sink.texts.size(), 1u);
  advance(801ms);
  EXPECT_EQ(sink.texts.size(), 2u);
  advance(1h);
  EXPECT_EQ(sink.texts.size(), 2u) << "nothing is handed over where there is nothing";
}

TEST_F(AccessLogFlush, HandsOverAFullBufferAtOnce) {
  CollectingSink sink;
  AccessLog log(settings, loop, sink);
  std::uint32_t lines = 0;
  for (; sink.texts.empty(); ++lines) log.record(record);
  EXPECT_EQ(sink.line_counts, std::vector<std::uint32_t>{lines});
  EXPECT_GE(sink.texts[0].size(), AccessLog::buffer_bytes);
  EXPECT_LT(sink.texts[0].size(), AccessLog::buffer_bytes + sink.texts[0].size() / lines + 1);
}

TEST_F(AccessLogFlush, ALineOfAnyLengthIsWhole) {
  const std::string target = "/" + std::string(300'000, '"');
  record.target = target;
  EXPECT_EQ(json({"url.path"}).size(), std::string_view(R"({"url.path":"/"})").size() + 2 * 300'000);
}

TEST_F(AccessLogFlush, FlushOfNothingIsNothing) {
  CollectingSink sink;
  AccessLog log(settings, loop, sink);
  log.flush();
  EXPECT_TRUE(sink.texts.empty());
}

TEST_F(AccessLogFlush, NothingIsLostWhenTheLogEnds) {
  CollectingSink sink;
  {
    AccessLog log(settings, loop, sink);
    log.record(record);
  }
  EXPECT_EQ(sink.line_counts, std::vector<std::uint32_t>{1});
  advance(2s);  // and nobody asks it any more
}

TEST_F(AccessLogFlush, ALineAllocatesNothing) {
  for (const config::AccessFormat format : {config::AccessFormat::json, config::AccessFormat::combined}) {
    settings.format = format;
    CollectingSink sink;
    AccessLog log(settings, loop, sink);
    record.target = "/caf\xc3\xa9";  // escaping has a buffer of its own
    log.record(record);
    const std::size_t before = allocations;
    for (int i = 0; i < 50; ++i) {
      record.time += 100ms;
      log.record(record);
    }
    EXPECT_EQ(allocations, before);
    ASSERT_TRUE(sink.texts.empty()) << "the buffer was not full";
  }
}

}  // namespace
}  // namespace culvert::proxy
