// What would break: nobody would hear that a certificate is about to end.
#include "daemon/certificate_dates.hpp"

#include <gtest/gtest.h>

#include "base/certificate.hpp"

namespace culvert::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

// [tls.site] with a self-signed one, which is for half a year.
config::Config with_certificate() {
  config::Config config;
  config::Tls& tls = config.tls["site"];
  tls.certificates.push_back(make_self_signed(std::vector<std::string_view>{"site.test"}));
  tls.files.push_back({.certificate = "site.pem", .key = ""});
  return config;
}

TEST(CertificateDates, HasAFigureForEach) {
  asio::io_context io;
  CertificateDates dates(io, [](const std::string&) {});
  dates.apply(with_certificate());
  ASSERT_EQ(dates.certificates().size(), 1u);
  const CertificateDates::Certificate& site = dates.certificates().front();
  EXPECT_EQ(site.tls, "site");
  EXPECT_EQ(site.file, "site.pem");
  EXPECT_EQ(site.left(site.not_after - 90s), 90s);
  EXPECT_EQ(site.left(site.not_after + 1s), -1s);
  const auto left = site.left(WallTime::clock::now());
  EXPECT_TRUE(left > days(181) && left <= days(182));
  dates.apply({});
  EXPECT_TRUE(dates.certificates().empty());
}

TEST(CertificateDates, WarnsEachDayOfTheLastTwoWeeks) {
  asio::io_context io;
  WallTime now{};
  std::vector<std::string> told;
  CertificateDates dates(io, [&](const std::string& text) { told.push_back(text); }, 1ms, [&] { return now; });
  dates.apply(with_certificate());
  const WallTime end = dates.certificates().front().not_after;
  const auto pass = [&](WallTime time) {
    now = time;
    told.clear();
    io.run_one();
    return told;
  };
  EXPECT_TRUE(pass(end - days(14)).empty());
  for (int day = 13; day > 0; --day) {
    ASSERT_EQ(pass(end - days(day)).size(), 1u);
    EXPECT_TRUE(told.front().starts_with("the certificate in \"site.pem\" ends on 20"));
  }
  ASSERT_EQ(pass(end).size(), 1u);
  EXPECT_TRUE(told.front().starts_with("the certificate in \"site.pem\" ended on 20"));
}

}  // namespace
}  // namespace culvert::daemon
