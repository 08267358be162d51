// If this fails, a relay forwards what belongs to one connection, or lets a peer strip what it must not.
#include "wire/header_names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <vector>

namespace culvert::wire {
namespace {

std::vector<HeaderId> all_ids() {
  std::vector<HeaderId> ids;
  for (int id = 1; id < static_cast<int>(HeaderId::count_); ++id) ids.push_back(static_cast<HeaderId>(id));
  return ids;
}

std::string mapped(std::string_view text, int (*to)(int)) {
  std::string result;
  for (const char c : text) result.push_back(static_cast<char>(to(static_cast<unsigned char>(c))));
  return result;
}

TEST(HeaderNames, EveryNameIsFoundInAnyCase) {
  for (const HeaderId id : all_ids()) {
    EXPECT_EQ(header_id(spelling(id)), id) << spelling(id);
    EXPECT_EQ(header_id(mapped(spelling(id), std::tolower)), id) << spelling(id);
    EXPECT_EQ(header_id(mapped(spelling(id), std::toupper)), id) << spelling(id);
  }
}

TEST(HeaderNames, AlmostTheSameNameIsAnotherName) {
  for (const HeaderId id : all_ids()) {
    for (std::size_t i = 0; i < spelling(id).size(); ++i) {
      // Bit 0x20 makes a letter another case, but a hyphen a CR and a digit a control character.
      for (const int flip : {0x01, 0x10, 0x20, 0x40, 0x80}) {
        std::string name(spelling(id));
        const bool letter = std::isalpha(static_cast<unsigned char>(name[i])) != 0;
        name[i] = static_cast<char>(name[i] ^ flip);
        const bool same = flip == 0x20 && letter;
        EXPECT_EQ(header_id(name) == id, same) << spelling(id) << " at " << i;
      }
    }
    EXPECT_NE(header_id(std::string(spelling(id)) + "s"), id);
    EXPECT_NE(header_id(spelling(id).substr(1)), id);
  }
}

TEST(HeaderNames, UnknownNamesAreOther) {
  for (const std::string_view name : {"", "X", "x-unknown", "Hos", "Hostt", "Content_Length"}) {
    EXPECT_EQ(header_id(name), HeaderId::other) << name;
  }
  EXPECT_EQ(flags_of(HeaderId::other), 0);
  EXPECT_EQ(spelling(HeaderId::content_length), "Content-Length");
}

std::set<std::string> names_with(HeaderFlags flag) {
  std::set<std::string> names;
  for (const HeaderId id : all_ids()) {
    if ((flags_of(id) & flag) != 0) names.emplace(spelling(id));
  }
  return names;
}

TEST(HeaderNames, SingletonsAreThoseOfNode) {
  EXPECT_EQ(names_with(singleton),
            (std::set<std::string>{"Age", "Authorization", "Content-Length", "Content-Type", "ETag", "Expires", "From",
                                   "Host", "If-Modified-Since", "If-Unmodified-Since", "Last-Modified", "Location",
                                   "Max-Forwards", "Proxy-Authorization", "Referer", "Retry-After", "Server",
                                   "User-Agent"}));
}

TEST(HeaderNames, HopByHopNamesAreThoseOfOneConnection) {
  EXPECT_EQ(names_with(hop_by_hop),
            (std::set<std::string>{"Client-Cert", "Client-Cert-Chain", "Connection", "HTTP2-Settings", "Keep-Alive",
                                   "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Connection", "TE",
                                   "Transfer-Encoding", "Upgrade"}));
}

TEST(HeaderNames, FramingNamesAreProtected) {
  EXPECT_EQ(names_with(framing), (std::set<std::string>{"Content-Length", "Transfer-Encoding"}));
  for (const HeaderId id : {HeaderId::content_length, HeaderId::transfer_encoding, HeaderId::host, HeaderId::cookie,
                            HeaderId::authorization, HeaderId::x_forwarded_for, HeaderId::forwarded}) {
    EXPECT_TRUE(flags_of(id) & protected_) << spelling(id);
  }
  for (const HeaderId id : {HeaderId::client_cert, HeaderId::client_cert_chain}) {
    EXPECT_TRUE(flags_of(id) & protected_) << spelling(id) << " may not be taken out after it was said here";
  }
  for (const HeaderId id : {HeaderId::te, HeaderId::upgrade, HeaderId::keep_alive, HeaderId::http2_settings}) {
    EXPECT_FALSE(flags_of(id) & protected_) << spelling(id) << " must be nominated";
  }
}

TEST(HeaderNames, NothingThatNodeKeepsOnceIsJoined) {
  for (const HeaderId id : all_ids()) {
    EXPECT_FALSE((flags_of(id) & list) != 0 && (flags_of(id) & singleton) != 0) << spelling(id);
  }
  EXPECT_FALSE(flags_of(HeaderId::set_cookie) & list);
  EXPECT_FALSE(flags_of(HeaderId::cookie) & list);
}

}  // namespace
}  // namespace culvert::wire
