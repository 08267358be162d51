// If this fails, a configuration in several files loses parts, or says the same thing twice without a word.
#include "config/include.hpp"

#include "config/load.hpp"
#include "config/temporary_folder.hpp"

namespace culvert::config {
namespace {

class Include : public TemporaryFolder {
 protected:
  // Diagnostics with file names relative to the folder.
  std::string messages(const Loaded& loaded) const {
    std::string text = to_text(loaded.diagnostics);
    const std::string prefix = path("");
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
      text.erase(at, prefix.size());
    }
    return text;
  }
};

constexpr std::string_view web = "[listener.web]\naddress = \"127.0.0.1:80\"\n";

TEST_F(Include, FollowsPatternsRelativeToTheFileInTheOrderOfNames) {
  write("conf.d/20-b.toml", "[[route]]\nname = \"b\"\npath = \"/b\"\necho = true\n");
  write("conf.d/10-a.toml", "[[route]]\nname = \"a\"\npath = \"/a\"\nupstream = \"api\"\n");
  write("conf.d/ignored.txt", "nonsense");
  write("more.yaml", "upstream:\n  api:\n    servers: unix:api.sock\nserver:\n  via: edge\n");
  const Loaded loaded = load(write("culvert.toml", "include = [\"conf.d/*.toml\", \"more.yaml\"]\n"
                                                   "[server]\nno_delay = false\n" + std::string(web) +
                                                   "[[route]]\nname = \"main\"\npath = \"/main\"\necho = true\n"));
  EXPECT_EQ(messages(loaded), "");
  ASSERT_TRUE(loaded.config);
  std::string names;
  for (const Route& route : loaded.config->routes) names += route.name + " ";
  EXPECT_EQ(names, "main a b ");
  EXPECT_EQ(loaded.config->upstreams.at("api").servers.at(0).address.text, path("api.sock"));
  EXPECT_EQ(loaded.config->listeners.at(0).server.via, "edge");
  EXPECT_FALSE(loaded.config->listeners.at(0).server.no_delay);
}

TEST_F(Include, ShowsBothPlacesOfANameGivenTwice) {
  write("a.toml", "[upstream.api]\nservers = [\"127.0.0.1:1\"]\n[server]\nvia = \"a\"\n");
  const Loaded loaded = load(write("culvert.toml", "include = \"a.toml\"\n[server]\nvia = \"b\"\n[upstream.api]\n"
                                                   "servers = [\"127.0.0.1:2\"]\n[[route]]\nupstream = \"api\"\n" +
                                                       std::string(web)));
  EXPECT_EQ(loaded.config, nullptr);
  EXPECT_EQ(messages(loaded),
            "a.toml:1:11: error: [upstream.api] is given twice [duplicate-table]\n"
            "    1 | [upstream.api]\n"
            "      |           ^^^ second time here\n"
            "      > culvert.toml\n"
            "    4 | [upstream.api]\n"
            "      |           --- first given here\n"
            "a.toml:4:1: error: \"via\" is given twice [duplicate-key]\n"
            "    4 | via = \"a\"\n"
            "      | ^^^ second time here\n"
            "      > culvert.toml\n"
            "    3 | via = \"b\"\n"
            "      | --- first given here\n");
}

TEST_F(Include, WarnsOfAPatternThatMatchesNothing) {
  const Loaded loaded = load(write("culvert.toml", "include = [\"conf.d/*.toml\"]\n" + std::string(web) +
                                                       "[[route]]\necho = true\n"));
  EXPECT_TRUE(loaded.config);
  EXPECT_EQ(messages(loaded),
            "culvert.toml:1:12: warning: no file matches \"conf.d/*.toml\" [no-match]\n"
            "    1 | include = [\"conf.d/*.toml\"]\n"
            "      |            ^^^^^^^^^^^^^^^\n");
}

TEST_F(Include, StopsAtWhatCannotBeRead) {
  write("a.toml", "x = \n");
  const Loaded loaded = load(write("culvert.toml", "include = \"a.toml\"\nunknown = 1\n"));
  EXPECT_EQ(loaded.config, nullptr);
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_EQ(loaded.diagnostics[0].code, "syntax");
  EXPECT_EQ(loaded.diagnostics[0].at.file, path("a.toml"));
}

TEST_F(Include, DoesNotGoFurtherThanOneStep) {
  write("a.toml", "include = \"b.toml\"\n");
  const Loaded loaded = load(write("culvert.toml", "include = \"a.toml\"\n"));
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_EQ(loaded.diagnostics[0].code, "nested-include");
}

TEST_F(Include, ReadsAFileOnceThatTwoPatternsName) {
  write("a.toml", "[upstream.api]\nservers = [\"127.0.0.1:1\"]\n");
  const Loaded loaded = load(write("culvert.toml", "include = [\"a.toml\", \"*a.toml\"]\n" + std::string(web) +
                                                       "[[route]]\nupstream = \"api\"\n"));
  EXPECT_EQ(messages(loaded), "");
}

TEST_F(Include, SortsMessagesByFileAndPlace) {
  write("a.toml", "[server]\nvai = 1\n");
  const Loaded loaded = load(write("culvert.toml", std::string(web) + "viaa = 1\nnodelay = 1\n[[route]]\necho = true\n"
                                                   "[log]\nlevl = 1\n"));
  std::string lines;
  for (const Diagnostic& diagnostic : loaded.diagnostics) lines += std::to_string(diagnostic.at.line) + " ";
  EXPECT_EQ(lines, "3 4 8 ");

  const Loaded both = load(write("both.toml", "include = \"a.toml\"\n" + std::string(web) + "viaa = 1\n"
                                              "[[route]]\necho = true\n"));
  ASSERT_EQ(both.diagnostics.size(), 2u);
  EXPECT_EQ(both.diagnostics[0].at.file, path("both.toml"));
  EXPECT_EQ(both.diagnostics[1].at.file, path("a.toml"));
}

}  // namespace
}  // namespace culvert::config
