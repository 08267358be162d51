// If this fails, the schema's table contradicts itself or the defaults that the structs really have.
#include "config/access_fields.hpp"
#include "config/schema.hpp"

#include <gtest/gtest.h>

#include <set>

#include "config/load.hpp"
#include "config/temporary_folder.hpp"
#include "config/value_check.hpp"

namespace culvert::config {
namespace {

bool opens_section(const Key& key) {
  return key.type == Type::table || key.type == Type::named_tables || key.type == Type::tables;
}

TEST(Schema, HasNoRowTwice) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Key& key : schema()) EXPECT_TRUE(seen.emplace(key.section, key.name).second) << key.section << key.name;
}

TEST(Schema, EverySectionIsOpenedByARow) {
  std::set<std::string> opened{""};
  for (const Key& key : schema()) opened.insert(section_of(key));
  for (const Key& key : schema()) EXPECT_TRUE(opened.contains(std::string(key.section))) << key.section;
}

TEST(Schema, EveryReferenceNamesASection) {
  for (const Key& key : schema()) {
    if (key.type != Type::reference) continue;
    const Key* section = find_key("", words_of(key.choices).front());
    ASSERT_NE(section, nullptr) << key.name;
    EXPECT_EQ(section->type, Type::named_tables) << key.name;
  }
}

TEST(Schema, EveryRowIsExplained) {
  for (const Key& key : schema()) EXPECT_FALSE(key.about.empty()) << key.name;
}

TEST(Schema, EveryDefaultIsAValueOfItsKey) {
  for (const Key& key : schema()) {
    if (key.standard == required || key.standard.empty()) continue;
    EXPECT_FALSE(opens_section(key)) << key.name;
    const auto words = key.many ? words_of(key.standard) : std::vector<std::string_view>{key.standard};
    for (const std::string_view word : words) {
      Node value;
      value.kind = Node::Kind::plain;
      value.text = word;
      EXPECT_FALSE(check_value(key, value, std::string(key.name))) << key.section << " " << key.name << " " << word;
    }
  }
}

TEST(Schema, ListenersKnowWhatServerKnows) {
  EXPECT_EQ(find_key("listener.*", "via"), find_key("server", "via"));
  EXPECT_EQ(find_key("listener.*", "vai"), nullptr);
  EXPECT_EQ(find_key("server", "address"), nullptr);
}

std::string toml_value(const Key& key) {
  if (key.type == Type::boolean || key.type == Type::integer) return std::string(key.standard);
  if (!key.many) return "\"" + std::string(key.standard) + "\"";
  std::string words;
  for (const std::string_view word : words_of(key.standard)) words += "\"" + std::string(word) + "\", ";
  return "[" + words + "]";
}

// The defaults of a section that work, as lines of a file.
std::string defaults_of(std::string_view section) {
  std::string out;
  for (const Key& key : schema()) {
    const bool works = key.works == all_works || key.works == key.standard;
    if (key.section != section || key.standard.empty() || key.standard == required || !works) continue;
    out += std::string(key.name) + " = " + toml_value(key) + "\n";
  }
  return out;
}

class SchemaDefaults : public TemporaryFolder {
 protected:
  Loaded load_with(std::string (*lines)(std::string_view section)) {
    return load(write("culvert.toml",
                      "[process]\n" + lines("process") + "[limits]\n" + lines("limits") + "[log]\n" + lines("log") +
                          "[log.access]\nfile = \"-\"\n" + lines("log.access") + "[server]\n" + lines("server") +
                          "[server.forwarded]\n" + lines("server.forwarded") +
                          "[listener.web]\naddress = \"127.0.0.1:80\"\n" + lines("listener.*") +
                          "[upstream.api]\nservers = \"127.0.0.1:81\"\n" + lines("upstream.*") +
                          "[[route]]\npath = \"/a\"\nupstream = \"api\"\n" + lines("route[]") +
                          "[route.retry]\n" + lines("route[].retry") +
                          "[[route]]\npath = \"/b\"\n[route.redirect]\nto = \"/\"\n" + lines("route[].redirect") +
                          "[[route]]\npath = \"/c\"\n[route.respond]\n" + lines("route[].respond")));
  }
};

TEST_F(SchemaDefaults, AreThoseOfTheStructs) {
  const Loaded written = load_with(defaults_of);
  const Loaded left_out = load_with([](std::string_view) { return std::string(); });
  ASSERT_TRUE(written.config) << to_text(written.diagnostics);
  ASSERT_TRUE(left_out.config) << to_text(left_out.diagnostics);
  EXPECT_EQ(*written.config, *left_out.config);
}

TEST(AccessFields, AreWhatTheSchemaSuggests) {
  const auto fields = words_of(find_key("log.access", "fields")->choices);
  EXPECT_EQ(fields.size(), access_field_rows.size());
  for (const std::string_view field : fields) EXPECT_TRUE(is_access_field(field)) << field;
  EXPECT_FALSE(is_access_field("no such field"));
}

}  // namespace
}  // namespace culvert::config
