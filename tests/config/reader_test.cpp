// If this fails, TOML and YAML files of the same meaning give different trees, or messages point at the wrong place.
#include "config/reader.hpp"

#include <gtest/gtest.h>

namespace culvert::config {
namespace {

using Kind = Node::Kind;

Node read(const char* file, std::string_view text) {
  const Source source(file, text);
  Diagnostics diagnostics;
  const bool is_yaml = std::string_view(file).ends_with(".yaml");
  std::optional<Node> tree = is_yaml ? read_yaml(source, diagnostics) : read_toml(source, diagnostics);
  EXPECT_EQ(to_text(diagnostics), "");
  return tree ? std::move(*tree) : Node{};
}

std::string refusal(const char* file, std::string_view text) {
  const Source source(file, text);
  Diagnostics diagnostics;
  const bool is_yaml = std::string_view(file).ends_with(".yaml");
  const std::optional<Node> tree = is_yaml ? read_yaml(source, diagnostics) : read_toml(source, diagnostics);
  return tree ? "read" : diagnostics.at(0).code;
}

std::string place(const Span& span) {
  return std::to_string(span.line) + ":" + std::to_string(span.column) + "+" + std::to_string(span.length);
}

// The tree on one line, with the place of every key and value.
std::string dump(const Node& node) {
  std::string out;
  if (node.kind == Kind::table) {
    for (const Entry& entry : node.entries) out += entry.key + "@" + place(entry.at) + "=" + dump(entry.value) + " ";
    return "{ " + out + "}";
  }
  if (node.kind == Kind::list) {
    for (const Node& item : node.items) out += dump(item) + " ";
    return "[ " + out + "]@" + place(node.at);
  }
  return node.text + "@" + place(node.at);
}

TEST(TomlReader, KnowsThePlaceOfEverything) {
  const Node root = read("a.toml",
                         "[upstream.api]\n"
                         "servers = [\"\xc3\xa9\", \"b\"]  # two\n"
                         "n = 20_000\n"
                         "set = { X-A = \"1\" }\n"
                         "[[route]]\n"
                         "a.b = true\n");
  EXPECT_EQ(dump(root),
            "{ upstream@1:2+8={ api@1:11+3={ servers@2:1+7=[ \xc3\xa9@2:12+3 b@2:17+3 ]@2:11+10 n@3:1+1=20000@3:5+6 "
            "set@4:1+3={ X-A@4:9+3=1@4:15+3 } } } route@5:3+5=[ { a@6:1+1={ b@6:3+1=true@6:7+4 } } ]@5:1+9 }");
  EXPECT_EQ(place(root.value_of("upstream")->value_of("api")->at), "1:1+14");
}

TEST(TomlReader, KeepsTheOrderOfTheFile) {
  const Node root = read("a.toml", "z = 1\na = 2\n[m]\n[b]\n");
  std::string keys;
  for (const Entry& entry : root.entries) keys += entry.key;
  EXPECT_EQ(keys, "zamb");
}

TEST(TomlReader, TellsHeadersFromInlineTables) {
  const Node root = read("a.toml", "a.b = 1\nc = { d = 1 }\n[e]\n  [[f]]\n");
  EXPECT_FALSE(root.value_of("a")->bracketed);
  EXPECT_FALSE(root.value_of("c")->bracketed);
  EXPECT_TRUE(root.value_of("e")->bracketed);
  EXPECT_TRUE(root.value_of("f")->bracketed);
}

TEST(TomlReader, TypesItsScalars) {
  const Node root = read("a.toml", "s = 'x'\ni = -3\nb = false\nr = 1.5\nd = 2020-01-01\n");
  EXPECT_EQ(root.value_of("s")->kind, Kind::string);
  EXPECT_EQ(root.value_of("i")->kind, Kind::integer);
  EXPECT_EQ(root.value_of("b")->kind, Kind::boolean);
  EXPECT_EQ(root.value_of("r")->kind, Kind::real);
  EXPECT_EQ(root.value_of("d")->kind, Kind::date);
}

TEST(TomlReader, UnderlinesTheRestOfTheLineOfALongValue) {
  const Node root = read("a.toml", "a = \"\"\"one\ntwo\"\"\"\n");
  EXPECT_EQ(place(root.value_of("a")->at), "1:5+6");
}

TEST(TomlReader, EndsWhereTheLineEnds) {
  const Source source("a.toml", "a = \"\"\"b\n");
  Diagnostics diagnostics;
  EXPECT_FALSE(read_toml(source, diagnostics));
  EXPECT_EQ(place(diagnostics.at(0).at), "1:9+1");
}

TEST(TomlReader, SurvivesDeepNesting) {
  EXPECT_EQ(refusal("a.toml", "a = " + std::string(100'000, '[')), "syntax");
}

TEST(YamlReader, KnowsThePlaceOfEverything) {
  const Node root = read("a.yaml",
                         "# first\n"
                         "upstream:\n"
                         "  api:\n"
                         "    servers: [\xc3\xa9, \"b \\\" c\", 'it''s']  # three\n"
                         "    n: 5m   # plain\n"
                         "route:\n"
                         "  - path: /a b\n"
                         "  - {x: 1}\n");
  EXPECT_EQ(dump(root),
            "{ upstream@2:1+8={ api@3:3+3={ servers@4:5+7=[ \xc3\xa9@4:15+1 b \" c@4:18+8 it's@4:28+7 ]@4:14+31 "
            "n@5:5+1=5m@5:8+2 } } route@6:1+5=[ { path@7:5+4=/a b@7:11+4 } { x@8:6+1=1@8:9+1 } ]@7:3+12 }");
}

TEST(YamlReader, LeavesUnquotedScalarsToTheSchema) {
  const Node root = read("a.yaml", "a: 5m\nb: \"5m\"\nc: '5m'\nd:\ne: ~\nf: |\n  text\n");
  EXPECT_EQ(root.value_of("a")->kind, Kind::plain);
  EXPECT_EQ(root.value_of("b")->kind, Kind::string);
  EXPECT_EQ(root.value_of("c")->kind, Kind::string);
  EXPECT_EQ(root.value_of("d")->kind, Kind::nothing);
  EXPECT_EQ(place(root.value_of("d")->at), "4:1+1");
  EXPECT_EQ(root.value_of("e")->kind, Kind::nothing);
  EXPECT_EQ(root.value_of("f")->text, "text\n");
}

TEST(YamlReader, RefusesWhatIsShared) {
  EXPECT_EQ(refusal("a.yaml", "a: &x 1\nb: *x\n"), "syntax");
  EXPECT_EQ(refusal("a.yaml", "a: [*x]\n"), "syntax");
  EXPECT_EQ(refusal("a.yaml", "a: !!int 1\n"), "syntax");
  EXPECT_EQ(refusal("a.yaml", "a: !x {b: c}\n"), "syntax");
  EXPECT_EQ(refusal("a.yaml", "? [a]\n: b\n"), "syntax");
  EXPECT_EQ(refusal("a.yaml", "a: 1\n---\nb: 2\n"), "syntax");
}

TEST(YamlReader, KeepsTheFirstOfTwo) {
  const Source source("a.yaml", "a: 1\na: 2\n");
  Diagnostics diagnostics;
  const std::optional<Node> root = read_yaml(source, diagnostics);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->value_of("a")->text, "1");
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].code, "duplicate-key");
}

TEST(YamlReader, SurvivesDeepNesting) {
  EXPECT_EQ(refusal("a.yaml", std::string(100'000, '[')), "syntax");
}

TEST(Readers, TakeAnEmptyFileForAnEmptyTable) {
  EXPECT_EQ(dump(read("a.toml", "")), "{ }");
  EXPECT_EQ(dump(read("a.yaml", "")), "{ }");
  EXPECT_EQ(dump(read("a.yaml", "# nothing\n")), "{ }");
}

TEST(Readers, SkipAByteOrderMark) {
  EXPECT_EQ(dump(read("a.toml", "\xef\xbb\xbf" "a = 1\n")), "{ a@1:1+1=1@1:5+1 }");
  EXPECT_EQ(dump(read("a.yaml", "\xef\xbb\xbf" "a: 1\n")), "{ a@1:1+1=1@1:4+1 }");
}

TEST(Source, CutsLines) {
  const Source source("a", "one\r\n\ntwo");
  EXPECT_EQ(source.line(0), "");
  EXPECT_EQ(source.line(1), "one");
  EXPECT_EQ(source.line(2), "");
  EXPECT_EQ(source.line(3), "two");
  EXPECT_EQ(source.line(4), "");
}

}  // namespace
}  // namespace culvert::config
