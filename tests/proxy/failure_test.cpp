// If these fail, clients get the wrong status, logs blame the wrong side, or a request is sent twice that must not be.
#include "proxy/failure.hpp"

#include <gtest/gtest.h>

#include <set>

#include "culvert/error.hpp"
#include "wire/parse_error.hpp"

namespace culvert::proxy {
namespace {

using wire::ParseError;

constexpr bool not_connected = false;
constexpr bool connected = true;
constexpr bool no_response = false;
constexpr bool response_begun = true;

std::error_code system_error(std::errc error) { return {static_cast<int>(error), std::system_category()}; }

void expect_failure(const Failure& failure, Reason reason, MayRetry retry) {
  EXPECT_EQ(row(failure.reason).code, row(reason).code);
  EXPECT_EQ(failure.retry, retry);
}

TEST(Failure, EveryReasonHasARowOfItsOwn) {
  std::set<std::string_view> codes;
  for (int i = 1; i < static_cast<int>(Reason::count_); ++i) {
    const ReasonRow& what = row(static_cast<Reason>(i));
    EXPECT_TRUE(codes.insert(what.code).second) << what.code;
    EXPECT_TRUE(what.sentence.ends_with('.')) << what.code;
    EXPECT_FALSE(what.proxy_status.empty()) << what.code;
    EXPECT_TRUE(what.status == 0 || (what.status >= 400 && what.status < 600)) << what.code;
  }
  EXPECT_EQ(row(Reason::none).code, "");
  EXPECT_EQ(row(Reason::no_route).code, "no_route");
  EXPECT_EQ(row(Reason::no_route).status, 404);
  EXPECT_EQ(row(Reason::client_aborted).code, "client_aborted");
}

TEST(Failure, WithoutAConnectionNothingWasSentAndAllMayBeTriedAgain) {
  const auto failure = [](std::error_code error) { return upstream_failure(error, not_connected, no_response); };
  expect_failure(failure(system_error(std::errc::connection_refused)), Reason::upstream_connect_refused, MayRetry::yes);
  expect_failure(failure(errc::timed_out), Reason::upstream_connect_timeout, MayRetry::yes);
  expect_failure(failure(system_error(std::errc::timed_out)), Reason::upstream_connect_timeout, MayRetry::yes);
  expect_failure(failure(errc::no_free_connection), Reason::upstream_queue_timeout, MayRetry::yes);
  expect_failure(failure(errc::name_not_found), Reason::upstream_name_not_found, MayRetry::yes);
  expect_failure(failure(system_error(std::errc::host_unreachable)), Reason::upstream_connect_failed, MayRetry::yes);
  expect_failure(failure(errc::socket_hang_up), Reason::upstream_connect_failed, MayRetry::yes);
}

TEST(Failure, AConnectionThatEndsBeforeTheAnswerMayHaveBeenStale) {
  for (const std::error_code error :
       {make_error_code(errc::end_of_stream), make_error_code(errc::socket_hang_up), make_error_code(errc::aborted),
        system_error(std::errc::connection_reset), system_error(std::errc::broken_pipe),
        make_error_code(ParseError::HPE_INVALID_EOF_STATE)}) {
    SCOPED_TRACE(error.message());
    expect_failure(upstream_failure(error, connected, no_response), Reason::upstream_reset_before_response,
                   MayRetry::if_reused);
  }
}

TEST(Failure, AnAnswerThatIsNoneIsNotAskedForAgain) {
  const auto failure = [](std::error_code error) { return upstream_failure(error, connected, no_response); };
  expect_failure(failure(errc::timed_out), Reason::upstream_response_timeout, MayRetry::never);
  expect_failure(failure(errc::too_many_informations), Reason::upstream_response_malformed, MayRetry::never);
  expect_failure(failure(ParseError::HPE_INVALID_CONSTANT), Reason::upstream_response_malformed, MayRetry::never);
  expect_failure(failure(ParseError::HPE_HEADER_OVERFLOW), Reason::upstream_response_headers_too_large,
                 MayRetry::never);
  expect_failure(failure(ParseError::too_many_headers), Reason::upstream_response_headers_too_large, MayRetry::never);
}

TEST(Failure, WithinTheBodyNothingIsTriedAgain) {
  const auto failure = [](std::error_code error) { return upstream_failure(error, connected, response_begun); };
  expect_failure(failure(errc::timed_out), Reason::upstream_body_timeout, MayRetry::never);
  expect_failure(failure(errc::end_of_stream), Reason::upstream_aborted_body, MayRetry::never);
  expect_failure(failure(system_error(std::errc::connection_reset)), Reason::upstream_aborted_body, MayRetry::never);
  expect_failure(failure(ParseError::HPE_INVALID_CHUNK_SIZE), Reason::upstream_aborted_body, MayRetry::never);
}

TEST(Failure, KeepsTheCauseForTheLog) {
  EXPECT_EQ(upstream_failure(errc::timed_out, connected, no_response).cause, errc::timed_out);
}

TEST(RequestFailure, TellsTheHeadsTimeFromTheBodys) {
  EXPECT_EQ(request_failure(errc::ERR_HTTP_REQUEST_TIMEOUT, false), Reason::request_header_timeout);
  EXPECT_EQ(request_failure(errc::ERR_HTTP_REQUEST_TIMEOUT, true), Reason::request_timeout);
}

TEST(RequestFailure, SaysWhatIsWrongWithTheBytes) {
  const auto failure = [](ParseError error) { return row(request_failure(error, false)).code; };
  EXPECT_EQ(failure(ParseError::HPE_INVALID_HEADER_TOKEN), "request_malformed");
  EXPECT_EQ(failure(ParseError::missing_host), "request_host_missing");
  EXPECT_EQ(failure(ParseError::request_line_too_long), "request_target_too_long");
  EXPECT_EQ(failure(ParseError::HPE_HEADER_OVERFLOW), "request_headers_too_large");
  EXPECT_EQ(failure(ParseError::HPE_CHUNK_EXTENSIONS_OVERFLOW), "request_chunk_extensions_too_large");
  EXPECT_EQ(failure(ParseError::unknown_method), "method_not_supported");
  EXPECT_EQ(failure(ParseError::unknown_transfer_coding), "transfer_coding_not_supported");
  EXPECT_EQ(failure(ParseError::version_not_supported), "http_version_not_supported");
}

// The server answers with the parse error's own status: the page and the log must say the same.
TEST(RequestFailure, HasTheStatusOfTheParseError) {
  for (const ParseError error :
       {ParseError::HPE_INVALID_HEADER_TOKEN, ParseError::missing_host, ParseError::request_line_too_long,
        ParseError::HPE_HEADER_OVERFLOW, ParseError::HPE_CHUNK_EXTENSIONS_OVERFLOW, ParseError::unknown_method,
        ParseError::unknown_transfer_coding, ParseError::version_not_supported}) {
    EXPECT_EQ(row(request_failure(error, false)).status, wire::status_for(error)) << wire::name_of(error);
  }
}

TEST(RequestFailure, BlamesTheClientWhoLeaves) {
  EXPECT_EQ(request_failure(system_error(std::errc::connection_reset), true), Reason::client_aborted);
  EXPECT_EQ(request_failure(errc::aborted, false), Reason::client_aborted);
  EXPECT_EQ(row(Reason::client_aborted).status, 0);
}

}  // namespace
}  // namespace culvert::proxy
