// If this fails, what the environment says does not arrive, or a missing variable passes as an empty value.
#include "config/substitute.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace culvert::config {
namespace {

class Substitute : public testing::Test {
 protected:
  Substitute() {
    setenv("CULVERT_TEST_PORT", "8080", 1);
    setenv("CULVERT_TEST_EMPTY", "", 1);
    unsetenv("CULVERT_TEST_UNSET");
  }
  ~Substitute() override {
    unsetenv("CULVERT_TEST_PORT");
    unsetenv("CULVERT_TEST_EMPTY");
  }

  Node substituted(std::string text) {
    Node node;
    node.kind = Node::Kind::string;
    node.text = text;
    node.at = {"a.toml", 1, 5, static_cast<std::uint32_t>(text.size() + 2), "a = \"" + text + "\""};
    substitute(node, diagnostics_);
    return node;
  }

  Diagnostics diagnostics_;
};

TEST_F(Substitute, ReplacesNames) {
  EXPECT_EQ(substituted("127.0.0.1:${CULVERT_TEST_PORT}").text, "127.0.0.1:8080");
  EXPECT_EQ(substituted("${CULVERT_TEST_PORT}${CULVERT_TEST_PORT}").text, "80808080");
  EXPECT_EQ(substituted("${CULVERT_TEST_UNSET:-a:-b}").text, "a:-b");
  EXPECT_EQ(substituted("${CULVERT_TEST_UNSET:-}").text, "");
  EXPECT_EQ(substituted("${CULVERT_TEST_PORT:-1}").text, "8080");
  EXPECT_EQ(substituted("<${CULVERT_TEST_EMPTY}>").text, "<>");
  EXPECT_TRUE(diagnostics_.empty());
}

TEST_F(Substitute, LeavesTheTypeToTheSchema) {
  EXPECT_EQ(substituted("${CULVERT_TEST_PORT}").kind, Node::Kind::plain);
  EXPECT_EQ(substituted("8080").kind, Node::Kind::string);
}

TEST_F(Substitute, LeavesOtherDollarsAndBraces) {
  for (const std::string text : {"^/a$", "{host}", "$NAME", "$"}) EXPECT_EQ(substituted(text).text, text);
  EXPECT_TRUE(diagnostics_.empty());
}

TEST_F(Substitute, UnderlinesTheNameThatIsNotSet) {
  substituted("\xc3\xa9 ${CULVERT_TEST_PORT} ${CULVERT_TEST_UNSET}");
  ASSERT_EQ(diagnostics_.size(), 1u);
  EXPECT_EQ(diagnostics_[0].code, "unset-variable");
  EXPECT_EQ(diagnostics_[0].at.column, 29u);
  EXPECT_EQ(diagnostics_[0].at.length, 21u);
}

TEST_F(Substitute, ReportsAnOpenBrace) {
  substituted("${CULVERT_TEST_PORT");
  ASSERT_EQ(diagnostics_.size(), 1u);
  EXPECT_EQ(diagnostics_[0].code, "bad-variable");
}

TEST_F(Substitute, ReachesEveryValue) {
  Node root;
  root.kind = Node::Kind::table;
  Node list;
  list.kind = Node::Kind::list;
  list.items.push_back(root);
  Node value;
  value.kind = Node::Kind::plain;
  value.text = "${CULVERT_TEST_PORT}";
  list.items[0].entries.push_back({"${CULVERT_TEST_PORT}", {}, value});
  root.entries.push_back({"a", {}, list});
  substitute(root, diagnostics_);
  const Entry& entry = root.entries[0].value.items[0].entries[0];
  EXPECT_EQ(entry.value.text, "8080");
  EXPECT_EQ(entry.key, "${CULVERT_TEST_PORT}");
}

}  // namespace
}  // namespace culvert::config
