// If these fail, a right password is refused, a wrong one accepted, or a users file holds what crypt(3) cannot check.
#include "daemon/password_hash.hpp"

#include <crypt.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <memory>

#include "config/users.hpp"
#include "proxy/basic_credentials.hpp"

namespace culvert::daemon {
namespace {

using testing::StartsWith;

bool accepts(const std::string& password, const std::string& hash) {
  Result<bool> has = has_hash(password, hash);
  EXPECT_TRUE(has) << hash;
  return has && *has;
}

TEST(PasswordHash, IsYescryptOfItsOwnSalt) {
  Result<std::string> first = make_hash("secret", 1);
  Result<std::string> second = make_hash("secret", 1);
  ASSERT_TRUE(first && second);
  EXPECT_THAT(*first, StartsWith("$y$"));
  EXPECT_NE(*first, *second);
  EXPECT_TRUE(accepts("secret", *first));
  EXPECT_FALSE(accepts("Secret", *first));
  EXPECT_FALSE(accepts("", *first));
}

TEST(PasswordHash, CostsWhatItIsAskedTo) {
  Result<std::string> cheap = make_hash("x", 1);
  Result<std::string> dear = make_hash("x", 2);
  EXPECT_NE(cheap->substr(0, 6), dear->substr(0, 6));
  EXPECT_FALSE(make_hash("x", cost_max + 1));
}

// Each kind of hash that the configuration takes is one that crypt(3) makes, in the form that is taken.
TEST(PasswordHash, OfEachKindIsChecked) {
  for (const config::HashMethod& method : config::hash_methods) {
    const std::string prefix(method.prefix.substr(0, method.prefix.find("rounds=")));
    const unsigned long count = prefix != method.prefix ? 1000 : method.prefix.starts_with("$2") ? 4 : 0;
    const std::unique_ptr<char, void (*)(void*)> setting(crypt_gensalt_ra(prefix.c_str(), count, nullptr, 0), std::free);
    ASSERT_TRUE(setting) << method.prefix;
    crypt_data data{};
    const std::string hash = crypt_r("secret", setting.get(), &data);
    EXPECT_THAT(hash, StartsWith(std::string(method.prefix)));
    EXPECT_FALSE(config::check_hash("ann", hash)) << hash;
    EXPECT_TRUE(accepts("secret", hash)) << hash;
    EXPECT_FALSE(accepts("secreT", hash)) << hash;
  }
}

TEST(PasswordHash, ThatCryptCannotReadIsAnError) {
  EXPECT_FALSE(has_hash("secret", "$2b$99$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"));
}

TEST(PasswordHash, IsMadeOfThePasswordsThatCanBeSent) {
  Result<std::string> hash = make_hash(std::string(proxy::password_bytes_max, 'p'), 1);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(accepts(std::string(proxy::password_bytes_max, 'p'), *hash));
  EXPECT_FALSE(accepts(std::string(proxy::password_bytes_max - 1, 'p'), *hash));
}

}  // namespace
}  // namespace culvert::daemon
