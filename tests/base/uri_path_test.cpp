// If these fail, a route is chosen by another path than the one its upstream is asked for.
#include "base/uri_path.hpp"

#include <gtest/gtest.h>

#include <string>

namespace culvert::uri {
namespace {

constexpr std::string_view refused = "refused";

class UriPath : public testing::Test {
 protected:
  std::string_view normal(std::string_view path) { return normal_path(path, rules, arena).value_or(refused); }

  PathRules rules;
  BlockPool pool;
  Arena arena{pool};
};

TEST_F(UriPath, StaysWhereItIsNormal) {
  for (const std::string_view path : {"/", "/a", "/a/", "/a.b/c..d", "/a;p=1/~u", "/a%20b/%C3%A9", "/.well-known/x", "/..."}) {
    EXPECT_EQ(normal(path).data(), path.data()) << path;
    EXPECT_EQ(normal(path), path);
  }
}

TEST_F(UriPath, ResolvesDotSegments) {
  constexpr std::pair<std::string_view, std::string_view> rows[] = {
      {"/.", "/"},           {"/..", "/"},            {"/./", "/"},           {"/../", "/"},
      {"/a/.", "/a/"},       {"/a/..", "/"},          {"/a/./b", "/a/b"},     {"/a/../b", "/b"},
      {"/a/b/../../c", "/c"}, {"/../../a", "/a"},     {"/api/../admin", "/admin"},
      {"/a/b/c/./../../g", "/a/g"}, {"/a/.../b", "/a/.../b"}, {"/a/..b/.c", "/a/..b/.c"}, {"/a/b/..", "/a/"}};
  for (const auto& [path, wanted] : rows) EXPECT_EQ(normal(path), wanted) << path;
}

TEST_F(UriPath, DecodesWhatNeedsNoEscape) {
  EXPECT_EQ(normal("/%61dmin"), "/admin");
  EXPECT_EQ(normal("/%41%7A%30%2D%2e%5f%7E"), "/Az0-._~");
  EXPECT_EQ(normal("/api/%2e%2E/admin"), "/admin");
  EXPECT_EQ(normal("/api/.%2e"), "/");
  EXPECT_EQ(normal("/%2561"), "/%2561") << "once, not twice";
  for (int value = 1; value < 256; ++value) {
    constexpr char digits[] = "0123456789ABCDEF";
    const std::string escape{'%', digits[value / 16], digits[value % 16]};
    const char c = static_cast<char>(value);
    const bool decodes = std::string_view("-_~").find(c) != std::string_view::npos || (c >= '0' && c <= '9') ||
                         (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const bool slash = c == '/' || c == '\\';
    const std::string wanted = decodes ? std::string("/") + c : c == '.' ? "/" : slash ? std::string(refused) : "/" + escape;
    EXPECT_EQ(normal("/" + escape), wanted) << value;
  }
}

TEST_F(UriPath, WritesTheOtherEscapesInCapitals) { EXPECT_EQ(normal("/caf%c3%a9"), "/caf%C3%A9"); }

TEST_F(UriPath, MergesSlashesWhereItShould) {
  EXPECT_EQ(normal("//admin"), "/admin");
  EXPECT_EQ(normal("///a//b///"), "/a/b/");
  EXPECT_EQ(normal("/a//../b"), "/b");
  EXPECT_EQ(normal("/a/..//b"), "/b");
  rules.merge_slashes = false;
  EXPECT_EQ(normal("//admin"), "//admin");
  EXPECT_EQ(normal("/a//../b"), "/a/b");
  EXPECT_EQ(normal("/a/..//b"), "//b");
  EXPECT_EQ(normal("//.."), "/");
}

TEST_F(UriPath, RefusesSlashesThatOnlySomeSee) {
  for (const std::string_view path : {"/a%2fb", "/a%2Fb", "/..%2Fadmin", "/a\\b", "/a%5cb", "/\\"}) {
    EXPECT_EQ(normal(path), refused) << path;
  }
  rules.keep_escaped_slashes = true;
  EXPECT_EQ(normal("/a%2fb"), "/a%2Fb");
  EXPECT_EQ(normal("/a\\b"), "/a\\b");
  EXPECT_EQ(normal("/a/..%2Fadmin"), "/a/..%2Fadmin");
}

TEST_F(UriPath, RefusesWhatCanBeReadInTwoWays) {
  for (const std::string_view path :
       {"/%", "/%4", "/%4g", "/%g4", "/a%", "/%00", "/a%00.png", "/a/..;/b", "/a/..;x=1", "/.;", "/%2e%2e;/a"}) {
    EXPECT_EQ(normal(path), refused) << path;
  }
}

TEST_F(UriPath, IsNormalAfterwards) {
  constexpr std::string_view pieces[] = {"/", ".", "..", "a", "%2e", "%61", "%c3", ";"};
  std::string path;
  const auto check_all = [&](const auto& self, int more) -> void {
    for (const std::string_view piece : pieces) {
      const std::size_t size = path.size();
      path += piece;
      if (const std::string once{normal(path)}; once != refused) {
        EXPECT_EQ(normal(once), once) << path;
        EXPECT_TRUE(once.starts_with('/')) << path;
        EXPECT_EQ(once.find("//"), std::string::npos) << path;
        EXPECT_EQ((once + "/").find("/../"), std::string::npos) << path;
        EXPECT_EQ((once + "/").find("/./"), std::string::npos) << path;
      }
      if (more > 0) self(self, more - 1);
      path.resize(size);
    }
  };
  path = "/";
  check_all(check_all, 4);
}

}  // namespace
}  // namespace culvert::uri
