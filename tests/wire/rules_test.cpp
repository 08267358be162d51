// If these fail, programs that use the message model as a library get other messages than Node gives them, or the daemon
// reads requests as leniently as a library may.
#include <gtest/gtest.h>

#include "wire/methods.hpp"
#include "wire/recorder.hpp"

namespace culvert::wire {
namespace {

struct Case {
  std::string_view name;
  MessageKind kind;
  std::string_view bytes;
  ParseError strict;
  ParseError node;
  ParseError insecure;
};

constexpr auto request = MessageKind::request;
constexpr auto response = MessageKind::response;
using enum ParseError;

#define GET "GET / HTTP/1.1\r\n"
const std::string chunked_with_zeros = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                       std::string(16'500, '0') + "1\r\nx\r\n0\r\n\r\n";
const Case cases[] = {
    {"TwoHosts", request, GET "Host: a\r\nHost: b\r\n\r\n", several_hosts, ok, ok},
    {"InvalidHost", request, GET "Host: a b/\r\n\r\n", invalid_host, ok, ok},
    {"HostOtherThanTarget", request, "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", host_differs, ok, ok},
    {"ZerosBeforeAChunkSize", request, chunked_with_zeros, HPE_CHUNK_EXTENSIONS_OVERFLOW, ok, ok},
    {"ExtensionWithoutName", request, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;=b\r\n\r\n",
     HPE_STRICT, ok, ok},
    {"HigherMinorVersion", response, "HTTP/1.2 204 x\r\n\r\n", ok, HPE_INVALID_VERSION, HPE_INVALID_VERSION},
    {"ConnectWithoutPort", request, "CONNECT a HTTP/1.1\r\n\r\n", target_form, ok, ok},
    {"ChunkedIn10", request, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", transfer_encoding_in_1_0,
     ok, ok},
    {"UnknownMethod", request, "FOO / HTTP/1.1\r\n\r\n", unknown_method, HPE_INVALID_METHOD, HPE_INVALID_METHOD},
    {"OtherVersion", request, "GET / HTTP/3.0\r\n\r\n", version_not_supported, HPE_INVALID_VERSION, HPE_INVALID_VERSION},
    {"LengthAndChunked", request, GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     HPE_UNEXPECTED_CONTENT_LENGTH, HPE_UNEXPECTED_CONTENT_LENGTH, ok},
    {"TwoLengths", request, GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", HPE_UNEXPECTED_CONTENT_LENGTH,
     HPE_UNEXPECTED_CONTENT_LENGTH, HPE_UNEXPECTED_CONTENT_LENGTH},
    {"BareLineFeeds", request, "GET / HTTP/1.1\nHost: a\n\n", HPE_CR_EXPECTED, HPE_CR_EXPECTED, ok},
    {"BareLineFeedsInAnAnswer", response, "HTTP/1.1 200 OK\nContent-Length: 0\n\n", HPE_CR_EXPECTED, HPE_CR_EXPECTED, ok},
    {"ControlInAValue", request, GET "X: a\x01z\r\n\r\n", HPE_INVALID_HEADER_TOKEN, HPE_INVALID_HEADER_TOKEN, ok},
    {"NulInAValue", request, {GET "X: a\0z\r\n\r\n", 26}, HPE_INVALID_HEADER_TOKEN, HPE_INVALID_HEADER_TOKEN,
     HPE_INVALID_HEADER_TOKEN},
    {"Folded", request, GET "X: a\r\n b\r\n\r\n", obsolete_folding, obsolete_folding, obsolete_folding},
    {"BareCr", request, GET "X: a\rb\r\n\r\n", HPE_LF_EXPECTED, HPE_LF_EXPECTED, HPE_LF_EXPECTED},
};

class RulesTest : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Rows, RulesTest, testing::ValuesIn(cases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_P(RulesTest, EachRuleHasItsAnswerWhateverThePieces) {
  const std::pair<Rules, ParseError> answers[] = {
      {Rules::strict, GetParam().strict}, {Rules::node, GetParam().node}, {Rules::insecure, GetParam().insecure}};
  for (const auto& [rules, answer] : answers) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, GetParam().bytes.size()}) {
      Recorder recorder(GetParam().kind);
      recorder.limits.rules = rules;
      recorder.read(GetParam().bytes, piece);
      EXPECT_EQ(name_of(static_cast<ParseError>(recorder.error.value())), name_of(answer))
          << static_cast<int>(rules) << ' ' << piece << recorder.log;
    }
  }
}

TEST(Rules, LinesOverTheLimitAreRefusedOrVanish) {
  constexpr std::string_view bytes = "POST / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\nContent-Length: 1\r\n\r\nx";
  Recorder strict(request);
  strict.limits.headers_max = 2;
  strict.read(bytes, bytes.size());
  EXPECT_EQ(strict.error, make_error_code(too_many_headers));

  Recorder node(request);
  node.limits = {.headers_max = 2, .rules = Rules::node};
  EXPECT_EQ(node.read(bytes, bytes.size()),
            "request POST / 1.1 keep-alive\nHost=h\nA=1\nContent-Length=1\nbody x\ncomplete\n")
      << "where the body ends is not forgotten";
}

TEST(Rules, ARequestLineOverTheLimitHasAStatusOfItsOwnOnlyWhereItIsStrict) {
  const std::string bytes = "GET /" + std::string(300, 'x') + " HTTP/1.1\r\n\r\n";
  for (const auto& [rules, answer] : {std::pair(Rules::strict, request_line_too_long), {Rules::node, HPE_HEADER_OVERFLOW}}) {
    Recorder recorder(request);
    recorder.limits = {.header_bytes_max = 200, .rules = rules};
    recorder.read(bytes, bytes.size());
    EXPECT_EQ(recorder.error, make_error_code(answer));
  }
}

TEST(Rules, EveryMethodIsUnderstoodWhateverLlhttpKnows) {
  for (const std::string_view method : methods()) {
    Recorder recorder(request);
    const std::string target = method == "CONNECT" ? "a:1" : "/";
    const std::string line = std::string(method) + ' ' + target + " HTTP/1.1\r\n\r\n";
    recorder.read(line, line.size());
    EXPECT_FALSE(recorder.error) << method;
    EXPECT_TRUE(recorder.log.starts_with("request " + std::string(method) + ' ' + target)) << recorder.log;
  }
}

}  // namespace
}  // namespace culvert::wire
