// If this fails, culvert reads a message differently from what was sent, or differently when it arrives in pieces.
#include "wire/h1_parser.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "wire/recorder.hpp"

namespace culvert::wire {
namespace {

constexpr std::size_t whole = std::string::npos / 2;

class H1ParserTest : public testing::TestWithParam<std::size_t> {
 protected:
  std::string request(std::string_view bytes, BodyRule rule = BodyRule::as_framed) {
    return read(MessageKind::request, bytes, rule);
  }
  std::string response(std::string_view bytes, BodyRule rule = BodyRule::as_framed) {
    return read(MessageKind::response, bytes, rule);
  }
  std::string read(MessageKind kind, std::string_view bytes, BodyRule rule) {
    Recorder recorder(kind);
    recorder.rule = rule;
    recorder.limits = limits_;
    recorder.read(bytes, GetParam());
    error_ = recorder.error;
    return recorder.log;
  }
  ParserLimits limits_;
  std::error_code error_;
};

INSTANTIATE_TEST_SUITE_P(InPieces, H1ParserTest, testing::Values(whole, 1, 2, 7),
                         [](const auto& size) { return size.param == whole ? "whole" : std::to_string(size.param); });

TEST_P(H1ParserTest, ReadsARequestWithoutBody) {
  EXPECT_EQ(request("GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nX-Empty:\r\nACCEPT:  a ,\tb \t\r\n\r\n"),
            "request GET /a?b=c 1.1 keep-alive\nHost=a.example\nX-Empty=\nACCEPT=a ,\tb\ncomplete\n");
}

TEST_P(H1ParserTest, ReadsAMethodWithAHyphenAndTextBeyondAscii) {
  EXPECT_EQ(request("M-SEARCH * HTTP/1.1\r\n\r\n"),
            "error " + make_error_code(ParseError::target_form).message() + "\n");
  EXPECT_EQ(request("M-SEARCH / HTTP/1.1\r\nX: \xc3\xa9\r\n\r\n"),
            "request M-SEARCH / 1.1 keep-alive\nX=\xc3\xa9\ncomplete\n");
}

TEST_P(H1ParserTest, ReadsPipelinedRequestsOneByOne) {
  EXPECT_EQ(request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /2 HTTP/1.0\r\n\r\n\r\n"
                    "DELETE /3 HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            "request POST / 1.1 keep-alive\nHost=a\nContent-Length=5\nbody hello\ncomplete\n"
            "request GET /2 1.0\ncomplete\n"
            "request DELETE /3 1.1\nContent-Length=0\nConnection=close\ncomplete\n");
}

TEST_P(H1ParserTest, ReadsChunksAndTrailers) {
  EXPECT_EQ(request("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\n"
                    "X-Sum:  42 \r\nX-Sum: 43\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
            "request PUT / 1.1 keep-alive\nTransfer-Encoding=chunked\nbody hello world\n"
            "trailer X-Sum=42\ntrailer X-Sum=43\ncomplete\n"
            "request GET / 1.1 keep-alive\ncomplete\n");
  EXPECT_EQ(request("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "request PUT / 1.1 keep-alive\nTransfer-Encoding=chunked\ncomplete\n");
}

TEST_P(H1ParserTest, DropsWhatMayNotBeATrailer) {
  EXPECT_EQ(request("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\nHost: b\r\n"
                    "transfer-encoding: gzip\r\nConnection: close\r\nX: y\r\nAuthorization: z\r\n\r\n"),
            "request PUT / 1.1 keep-alive\nTransfer-Encoding=chunked\ntrailer X=y\ncomplete\n");
}

TEST_P(H1ParserTest, TrailersHaveTheGuardsAndLimitsOfHeads) {
  const std::string start = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  request(start + " folded\r\n\r\n");
  EXPECT_EQ(error_, ParseError::obsolete_folding);
  request(start + "X: a\nY: b\r\n\r\n");
  EXPECT_EQ(error_, ParseError::HPE_CR_EXPECTED);
  request(start + "no colon\r\n\r\n");
  EXPECT_EQ(error_, ParseError::HPE_INVALID_HEADER_TOKEN);
  limits_.headers_max = 2;
  request(start + "A: 1\r\nB: 2\r\n\r\n");
  EXPECT_FALSE(error_);
  request(start + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n");
  EXPECT_EQ(error_, ParseError::too_many_headers);
}

TEST_P(H1ParserTest, SkipsEmptyLinesBeforeAMessage) {
  EXPECT_EQ(request("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), "request GET / 1.1 keep-alive\ncomplete\n");
  EXPECT_EQ(request("\r\n\r\n"), "");
  request("\n\nGET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(error_, ParseError::HPE_CR_EXPECTED);
}

TEST_P(H1ParserTest, StopsAfterTheHeadOfConnect) {
  EXPECT_EQ(request("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n\x16\x03 not HTTP"),
            "request CONNECT a.example:443 1.1 keep-alive\nHost=a.example:443\nrest \x16\x03 not HTTP\n");
}

TEST_P(H1ParserTest, ReadsTheBodyOfAnUpgradeRequest) {
  EXPECT_EQ(request("POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 2\r\n\r\nhi"
                    "GET / HTTP/1.1\r\n\r\n"),
            "request POST / 1.1 keep-alive upgrade\nConnection=Upgrade\nUpgrade=foo\nContent-Length=2\n"
            "body hi\ncomplete\n"
            "request GET / 1.1 keep-alive\ncomplete\n");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\nhi\r\n0\r\n\r\n"),
            "request POST / 1.1 keep-alive upgrade\nConnection=Upgrade\nUpgrade=foo\nTransfer-Encoding=chunked\n"
            "body hi\ncomplete\n");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nbytes", BodyRule::stop),
            "request GET / 1.1 keep-alive upgrade\nConnection=Upgrade\nUpgrade=foo\nrest bytes\n");
}

TEST_P(H1ParserTest, UpgradeNeedsBothFieldsAndHttp11) {
  EXPECT_EQ(request("GET / HTTP/1.0\r\nConnection: Upgrade, keep-alive\r\nUpgrade: foo\r\n\r\n"),
            "request GET / 1.0 keep-alive\nConnection=Upgrade, keep-alive\nUpgrade=foo\ncomplete\n");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nUpgrade: foo\r\n\r\n"), "request GET / 1.1 keep-alive\nUpgrade=foo\ncomplete\n");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nConnection: upgrade\r\n\r\n"),
            "request GET / 1.1 keep-alive\nConnection=upgrade\ncomplete\n");
}

TEST_P(H1ParserTest, ReadsResponses) {
  EXPECT_EQ(response("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
                     "HTTP/1.1 204\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"
                     "HTTP/1.1 599 \r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
            "response 100 Continue 1.1 keep-alive\ncomplete\n"
            "response 200 OK 1.1 keep-alive\nContent-Length=2\nbody hi\ncomplete\n"
            "response 204  1.1 keep-alive\ncomplete\n"
            "response 304 Not Modified 1.1 keep-alive\nContent-Length=9\ncomplete\n"
            "response 599  1.1 keep-alive\nTransfer-Encoding=chunked\nbody x\ncomplete\n");
}

TEST_P(H1ParserTest, ResponseWithoutFramingEndsWithTheConnection) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\n\r\nall\r\n\r\nof it"),
            "response 200 OK 1.1 keep-alive\nbody all\r\n\r\nof it\ncomplete\n");
  EXPECT_EQ(response("HTTP/1.0 200 OK\r\n\r\n"), "response 200 OK 1.0\ncomplete\n");
}

TEST_P(H1ParserTest, Http10ResponseInChunksIsReadButEndsItsConnection) {
  EXPECT_EQ(response("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "1\r\nx\r\n0\r\n\r\n"),
            "response 200 OK 1.0\nConnection=keep-alive\nTransfer-Encoding=chunked\nbody x\ncomplete\n");
}

TEST_P(H1ParserTest, HandlerKnowsOfResponsesWithoutBody) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "HTTP/1.1 200 OK\r\n\r\n", BodyRule::none),
            "response 200 OK 1.1 keep-alive\nContent-Length=100\ncomplete\n"
            "response 200 OK 1.1 keep-alive\nTransfer-Encoding=chunked\ncomplete\n"
            "response 200 OK 1.1 keep-alive\ncomplete\n");
  EXPECT_EQ(response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\n\r\nbytes", BodyRule::stop),
            "response 101 Switching Protocols 1.1 keep-alive\nUpgrade=foo\nrest bytes\n");
}

TEST_P(H1ParserTest, EndWithinAMessageIsAnError) {
  for (const std::string_view bytes :
       {"G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab",
        "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", "\r\nG"}) {
    request(bytes);
    EXPECT_EQ(error_, ParseError::HPE_INVALID_EOF_STATE) << bytes;
  }
}

TEST_P(H1ParserTest, KeepAliveFollowsVersionAndConnection) {
  const auto keeps = [&](std::string_view version, std::string_view connection) {
    return request("GET / HTTP/" + std::string(version) + "\r\nConnection: " + std::string(connection) + "\r\n\r\n")
               .find(" keep-alive\n") != std::string::npos;
  };
  EXPECT_TRUE(keeps("1.1", "TE"));
  EXPECT_TRUE(keeps("1.1", "closed"));
  EXPECT_FALSE(keeps("1.1", "te, CLOSE"));
  EXPECT_FALSE(keeps("1.0", "TE"));
  EXPECT_TRUE(keeps("1.0", "Keep-Alive"));
  EXPECT_FALSE(keeps("1.0", "keep-alive, close"));
}

TEST_P(H1ParserTest, HeadOfExactlyTheLimitPasses) {
  const std::string line = "GET / HTTP/1.1\r\n";
  limits_.header_bytes_max = 100;
  const auto head_of = [&](std::size_t bytes) {
    return line + "X: " + std::string(bytes - line.size() - 7, 'x') + "\r\n\r\n";
  };
  request(head_of(100));
  EXPECT_FALSE(error_);
  request(head_of(101));
  EXPECT_EQ(error_, ParseError::HPE_HEADER_OVERFLOW);
  request(std::string("GET /") + std::string(84, 'a') + " HTTP/1.1\r\n\r\n");
  EXPECT_EQ(error_, ParseError::HPE_HEADER_OVERFLOW) << "the request line alone fits";
  request(std::string("GET /") + std::string(86, 'a') + " HTTP/1.1\r\n\r\n");
  EXPECT_EQ(error_, ParseError::request_line_too_long);
  request(std::string("GET /") + std::string(85, 'a') + " HTTP/1.1\r\n\r\n");
  EXPECT_EQ(error_, ParseError::request_line_too_long) << "its LF does not fit";
  limits_.header_bytes_max = 101;
  request(std::string("GET /") + std::string(84, 'a') + " HTTP/1.1\r\n\r\n");
  EXPECT_EQ(error_, ParseError::HPE_HEADER_OVERFLOW) << "the request line and a CR fit";
  limits_.header_bytes_max = 100;
  response("HTTP/1.1 200 " + std::string(100, 'a') + "\r\n\r\n");
  EXPECT_EQ(error_, ParseError::HPE_HEADER_OVERFLOW);
}

TEST_P(H1ParserTest, HeaderLinesOfExactlyTheLimitPass) {
  limits_.headers_max = 3;
  request("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");
  EXPECT_FALSE(error_);
  request("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n");
  EXPECT_EQ(error_, ParseError::too_many_headers);
  limits_.headers_max = 0;
  request("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n");
  EXPECT_FALSE(error_);
}

TEST_P(H1ParserTest, LongHeadsAreReadWhole) {
  const std::string value(15'000, 'v');
  EXPECT_EQ(request("GET / HTTP/1.1\r\nCookie: " + value + "\r\nB: 2\r\n\r\n"),
            "request GET / 1.1 keep-alive\nCookie=" + value + "\nB=2\ncomplete\n");
}

TEST_P(H1ParserTest, ChunkExtensionsHaveALimit) {
  const std::string start = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto chunks = [](std::size_t bytes) { return "1;" + std::string(bytes, 'e') + "\r\nx\r\n0\r\n\r\n"; };
  request(start + chunks(16 * 1024));
  EXPECT_FALSE(error_);
  request(start + chunks(16 * 1024 + 1));
  EXPECT_EQ(error_, ParseError::HPE_CHUNK_EXTENSIONS_OVERFLOW);
  request(start + "1;" + std::string(10'000, 'e') + "\r\nx\r\n" + chunks(10'000));
  EXPECT_EQ(error_, ParseError::HPE_CHUNK_EXTENSIONS_OVERFLOW) << "the limit is for the message";
}

TEST_P(H1ParserTest, PausingChangesNothingButTheTime) {
  const std::string_view bytes =
      "POST /1 HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789GET /2 HTTP/1.1\r\n\r\n"
      "POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n3\r\nefg\r\n0\r\nX: y\r\n\r\n";
  Recorder pausing(MessageKind::request);
  pausing.pauses = true;
  EXPECT_EQ(pausing.read(bytes, GetParam()), request(bytes));
  EXPECT_FALSE(error_);
}

// ---- not in pieces

struct Counter final : H1Handler {
  BodyRule on_head() override { return BodyRule::as_framed; }
  void on_body(Bytes part) override { parts.push_back(part); }
  void on_complete() override { ++completed; }
  std::vector<Bytes> parts;
  int completed = 0;
};

class H1ParserFeedTest : public testing::Test {
 protected:
  H1ParserFeedTest() { parser_.begin(arena_, {}); }
  BlockPool pool_;
  Arena arena_{pool_};
  Counter handler_;
  H1Parser parser_{MessageKind::request, handler_};
};

TEST_F(H1ParserFeedTest, BodyPartsAreViewsIntoWhatWasFed) {
  const std::string bytes = "POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'b');
  EXPECT_EQ(parser_.feed(as_bytes(bytes)).consumed, bytes.size());
  ASSERT_EQ(handler_.parts.size(), 1u);
  EXPECT_EQ(as_text(handler_.parts[0]).data(), bytes.data() + bytes.size() - 1000);
  EXPECT_EQ(parser_.body_bytes(), 1000u);
}

TEST_F(H1ParserFeedTest, StopsAtTheEndOfTheMessage) {
  const std::string_view first = "GET /1 HTTP/1.1\r\n\r\n";
  const std::string both = std::string(first) + "GET /2 HTTP/1.1\r\n\r\n";
  EXPECT_EQ(parser_.feed(as_bytes(both)).consumed, first.size());
  EXPECT_TRUE(parser_.complete());
  EXPECT_EQ(parser_.feed(as_bytes(both)).consumed, 0u) << "until begin()";
  EXPECT_EQ(handler_.completed, 1);
}

TEST(H1ParserFeed, StopsEvenWhenTheHandlerBeginsTheNextMessageAtOnce) {
  struct Eager final : H1Handler {
    BodyRule on_head() override { return BodyRule::as_framed; }
    void on_body(Bytes) override {}
    void on_complete() override { parser.begin(arena, {}); }
    BlockPool pool;
    Arena arena{pool};
    H1Parser parser{MessageKind::request, *this};
  } eager;
  eager.parser.begin(eager.arena, {});
  const std::string_view both = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";
  EXPECT_EQ(eager.parser.feed(as_bytes(both)).consumed, both.size() / 2);
  EXPECT_FALSE(eager.parser.has_begun());
}

TEST_F(H1ParserFeedTest, TellsHowFarItIs) {
  EXPECT_FALSE(parser_.has_begun());
  EXPECT_FALSE(parser_.feed(as_bytes("\r\n")).error);
  EXPECT_FALSE(parser_.has_begun());
  EXPECT_FALSE(parser_.feed(as_bytes("G")).error);
  EXPECT_TRUE(parser_.has_begun());
  EXPECT_FALSE(parser_.head_complete());
  EXPECT_FALSE(parser_.feed(as_bytes("ET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")).error);
  EXPECT_TRUE(parser_.has_begun());
  EXPECT_TRUE(parser_.head_complete());
  EXPECT_FALSE(parser_.complete());
  EXPECT_FALSE(parser_.feed(as_bytes("\r\n")).error);
  EXPECT_TRUE(parser_.complete());
}

TEST_F(H1ParserFeedTest, AnErrorIsFinal) {
  EXPECT_EQ(parser_.feed(as_bytes("GET / HTTP/1.1\n")).error, ParseError::HPE_CR_EXPECTED);
  EXPECT_EQ(parser_.feed(as_bytes("GET / HTTP/1.1\r\n\r\n")).error, ParseError::HPE_CR_EXPECTED);
  EXPECT_EQ(parser_.finish(), ParseError::HPE_CR_EXPECTED);
  EXPECT_EQ(handler_.completed, 0);
}

TEST_F(H1ParserFeedTest, ABadStartLineIsRefusedWithoutWaitingForTheRest) {
  EXPECT_EQ(parser_.feed(as_bytes("GET /a b HTTP/1.1\r\n")).error, ParseError::HPE_INVALID_CONSTANT);
}

TEST_F(H1ParserFeedTest, BytesOneByOneCostNoMoreThanTwiceTheirRoom) {
  const std::string head = "GET / HTTP/1.1\r\nCookie: " + std::string(16'000, 'c') + "\r\n\r\n";
  for (const char c : head) ASSERT_FALSE(parser_.feed(as_bytes({&c, 1})).error);
  EXPECT_TRUE(parser_.complete());
  EXPECT_LE(pool_.in_use() * Block::total_bytes, 4 * head.size());
}

// Valid messages with a few bytes changed, dropped or doubled: whatever the verdict, it does not depend on the pieces.
TEST(H1ParserMutations, PiecesDoNotMatter) {
  const std::vector<std::string> seeds{
      "GET /a?b HTTP/1.1\r\nHost: a.example:80\r\nConnection: keep-alive\r\nAccept: */*\r\n\r\nGET / HTTP/1.0\r\n\r\n",
      "POST http://a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloPUT / HTTP/1.1\r\nHost: b\r\n\r\n",
      "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-T: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nServer: x\r\n\r\nabcHTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.0 404 Nope\r\n\r\ntext"};
  constexpr std::string_view spice = "\r\n\t :;,0aZ/#\x7f\x80";
  std::mt19937 random(20'240'229);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  int refused = 0;
  constexpr int rounds = 4000;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = seeds[below(seeds.size())];
    const MessageKind kind = bytes.starts_with("HTTP/") ? MessageKind::response : MessageKind::request;
    for (std::size_t changes = below(4); changes > 0; --changes) {
      const std::size_t at = below(bytes.size());
      switch (below(3)) {
        case 0: bytes[at] = spice[below(spice.size())]; break;
        case 1: bytes.erase(at, 1); break;
        case 2: bytes.insert(at, 1, spice[below(spice.size())]); break;
      }
    }
    Recorder at_once(kind);
    Recorder in_pieces(kind);
    at_once.read(bytes, whole);
    in_pieces.read(bytes, [&] { return 1 + below(12); });
    ASSERT_EQ(at_once.log, in_pieces.log) << bytes;
    ASSERT_EQ(at_once.error, in_pieces.error) << bytes;
    if (at_once.error) ++refused;
  }
  EXPECT_GT(refused, rounds / 10);
  EXPECT_LT(refused, rounds);
}

}  // namespace
}  // namespace culvert::wire
