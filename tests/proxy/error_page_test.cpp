// If these fail, people and programs cannot tell why they got no answer, or a page carries somebody's script.
#include "proxy/error_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/arena.hpp"
#include "base/block_pool.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ErrorPageTest : public ::testing::Test {
 protected:
  void accept(std::string_view value) { headers.push(arena, {HeaderId::accept, "Accept", value}); }
  std::string_view type_for(std::string_view value) {
    headers.clear();
    accept(value);
    return error_page(Reason::no_route, &headers, {}).content_type;
  }

  BlockPool blocks;
  Arena arena{blocks};
  HeaderList headers;
};

constexpr std::string_view html = "text/html; charset=utf-8";
constexpr std::string_view text = "text/plain; charset=utf-8";
constexpr std::string_view json = "application/json";

TEST_F(ErrorPageTest, IsHtmlUnlessSomethingElseIsAskedFor) {
  EXPECT_EQ(error_page(Reason::no_route, nullptr, {}).content_type, html);
  EXPECT_EQ(error_page(Reason::no_route, &headers, {}).content_type, html);
  for (const char* value : {"", "*/*", "text/*", "text/html,application/xhtml+xml,*/*;q=0.8", "image/png", ",;,"}) {
    EXPECT_EQ(type_for(value), html) << value;
  }
}

TEST_F(ErrorPageTest, IsJsonWhereThatIsAskedFor) {
  for (const char* value : {"application/json", "Application/JSON", "application/problem+json", "application/json, */*",
                            "application/json;q=0.9, text/html;q=0.8", "text/html;q=0, application/json;q=0.1"}) {
    EXPECT_EQ(type_for(value), json) << value;
  }
}

TEST_F(ErrorPageTest, WeighsWhatIsAcceptable) {
  EXPECT_EQ(type_for("application/json;q=0.5, text/html"), html);
  EXPECT_EQ(type_for("application/json; charset=utf-8 ; q=0, text/html;q=0.1"), html);
  EXPECT_EQ(type_for("text/html;q=0.899, application/json;Q=0.9"), json);
  EXPECT_EQ(type_for("text/html, application/json"), html);
  EXPECT_EQ(type_for("text/plain"), text);
}

TEST_F(ErrorPageTest, ReadsAllAcceptLines) {
  accept("text/html;q=0.1");
  accept("application/json");
  EXPECT_EQ(error_page(Reason::no_route, &headers, {}).content_type, json);
}

TEST_F(ErrorPageTest, JsonSaysWhatHappened) {
  accept("application/json");
  EXPECT_EQ(error_page(Reason::upstream_connect_refused, &headers, "id\"1").body,
            "{\"status\":502,\"reason\":\"upstream_connect_refused\",\"message\":\"The upstream refused the "
            "connection.\",\"request_id\":\"id\\\"1\"}\n");
  EXPECT_THAT(error_page(Reason::no_route, &headers, {}).body, Not(HasSubstr("request_id")));
}

TEST_F(ErrorPageTest, HtmlSaysWhatHappened) {
  const std::string page = error_page(Reason::upstream_connect_refused, nullptr, "id-1").body;
  EXPECT_THAT(page, StartsWith("<!doctype html>\n"));
  EXPECT_THAT(page, HasSubstr("<title>502 Bad Gateway</title>"));
  EXPECT_THAT(page, HasSubstr("The upstream refused the connection."));
  EXPECT_THAT(page, HasSubstr("<code>upstream_connect_refused</code>"));
  EXPECT_THAT(page, HasSubstr("<code>id-1</code>"));
}

TEST_F(ErrorPageTest, HtmlEscapesWhatTheClientMayHaveChosen) {
  const std::string page = error_page(Reason::no_route, nullptr, "<script>\"&'</script>").body;
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;"));
}

TEST_F(ErrorPageTest, TextSaysWhatHappened) {
  accept("text/plain");
  EXPECT_EQ(error_page(Reason::no_route, &headers, "id-1").body,
            "404 Not Found\n\nNo route matches this request.\nReason: no_route\nRequest: id-1\n");
}

TEST(ProxyStatus, NamesTheRegisteredErrorAndOurReason) {
  EXPECT_EQ(proxy_status(Reason::upstream_connect_refused, "culvert"),
            "culvert; error=connection_refused; details=\"upstream_connect_refused\"");
}

TEST(ProxyStatus, QuotesAPseudonymThatIsNoToken) {
  EXPECT_THAT(proxy_status(Reason::no_route, "edge.example.com"), StartsWith("edge.example.com; "));
  EXPECT_THAT(proxy_status(Reason::no_route, "10.0.0.1:80"), StartsWith("\"10.0.0.1:80\"; "));
  EXPECT_THAT(proxy_status(Reason::no_route, "a \"b\\"), StartsWith("\"a \\\"b\\\\\"; "));
  EXPECT_THAT(proxy_status(Reason::no_route, ""), StartsWith("\"\"; "));
}

TEST(RawErrorResponse, IsAWholeAnswerThatEndsTheConnection) {
  const std::string response =
      raw_error_response(Reason::request_malformed, "Sat, 21 Nov 2026 10:00:00 GMT", "culvert", "edge");
  const std::string page = error_page(Reason::request_malformed, nullptr, {}).body;
  EXPECT_EQ(response,
            "HTTP/1.1 400 Bad Request\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nServer: culvert\r\n"
            "Content-Type: text/html; charset=utf-8\r\nContent-Length: " + std::to_string(page.size()) +
            "\r\nProxy-Status: edge; error=http_request_error; details=\"request_malformed\"\r\n"
            "Connection: close\r\n\r\n" + page);
}

TEST(RawErrorResponse, HasNoServerFieldWhereNoneIsWanted) {
  EXPECT_THAT(raw_error_response(Reason::request_malformed, "now", "", "culvert"), Not(HasSubstr("Server:")));
}

}  // namespace
}  // namespace culvert::proxy
