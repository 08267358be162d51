// If this fails, a URL means something else when it is written out again, or yields a target that no server takes.
#include <string>

#include "fuzz/target.hpp"
#include "wire/h1_writer.hpp"
#include "wire/request_target.hpp"
#include "wire/url.hpp"

namespace culvert::fuzz {
namespace {

std::string authority_of(const wire::Url& url) {
  std::string out = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  if (url.port) out += ":" + std::to_string(*url.port);
  return out;
}

}  // namespace

void run(std::string_view input) {
  Result<wire::Url> url = wire::parse_url(input);
  if (!url) return;
  EXPECT_TRUE(url->path.starts_with('/')) << url->path;
  EXPECT_TRUE(wire::valid_target(url->target())) << url->target();
  wire::RequestTarget target;
  EXPECT_EQ(wire::parse_request_target("GET", url->target(), target), wire::ParseError::ok) << url->target();

  const std::string text = url->scheme + "://" + authority_of(*url) + url->target();
  Result<wire::Url> again = wire::parse_url(text);
  ASSERT_TRUE(again) << text;
  EXPECT_EQ(again->scheme, url->scheme);
  EXPECT_EQ(again->host, url->host);
  EXPECT_EQ(again->port, url->port);
  EXPECT_EQ(again->path, url->path);
  EXPECT_EQ(again->query, url->query);
  EXPECT_EQ(again->user, "");
  wire::percent_decode(input);
}

}  // namespace culvert::fuzz
