// What would break: operators would read nothing, a mixture of lines, or somebody else's text as a line of ours.
#include "base/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace culvert {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    char folder[] = "/tmp/culvert-log-XXXXXX";
    folder_ = mkdtemp(folder);
    file_ = folder_ / "log";
  }
  ~LogTest() override {
    log::shut_down();
    std::filesystem::remove_all(folder_);
  }
  // All lines; the log ends with it.
  std::string written() {
    log::shut_down();
    return read(file_);
  }
  static std::string read(const std::filesystem::path& file) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  std::filesystem::path folder_;
  std::filesystem::path file_;
};

TEST_F(LogTest, TextLines) {
  ASSERT_FALSE(log::set_up(log::Level::info, log::Format::text, file_));
  log::info("listening on {} with {} threads", "127.0.0.1:80", 2u);
  log::error("bind: {}", std::make_error_code(std::errc::address_in_use));
  EXPECT_THAT(written(),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z info  listening on 127\\.0\\.0\\.1:80 "
                           "with 2 threads\n[^ ]+Z error bind: Address already in use\n"));
}

TEST_F(LogTest, JsonLines) {
  ASSERT_FALSE(log::set_up(log::Level::info, log::Format::json, file_));
  log::warn("a \"quoted\" {}", "word\n");
  EXPECT_THAT(written(), MatchesRegex("\\{\"time\":\"[^\"]+Z\",\"level\":\"warn\",\"message\":\"a .\"quoted.\" "
                                      "word.n\"\\}\n"));
}

TEST_F(LogTest, NobodyCanForgeALine) {
  ASSERT_FALSE(log::set_up(log::Level::info, log::Format::text, file_));
  log::info("path {}", "/x\n2026-11-21T10:00:00.123Z info  forged\x1b[2J\x7f");
  EXPECT_THAT(written(), EndsWith("info  path /x\\x0a2026-11-21T10:00:00.123Z info  forged\\x1b[2J\\x7f\n"));
}

TEST_F(LogTest, BracesOfArgumentsAreNoPlaces) {
  ASSERT_FALSE(log::set_up(log::Level::info, log::Format::text, file_));
  log::info("{} and {}", "{}", "b");
  log::info("more places {} than arguments {}", 1);
  const std::string text = written();
  EXPECT_THAT(text, HasSubstr("{} and b\n"));
  EXPECT_THAT(text, HasSubstr("more places 1 than arguments {}\n"));
}

TEST_F(LogTest, LevelsBelowTheThresholdAreNotWritten) {
  ASSERT_FALSE(log::set_up(log::Level::warn, log::Format::text, file_));
  log::info("quiet");
  log::warn("loud");
  EXPECT_FALSE(log::enabled(log::Level::info));
  EXPECT_TRUE(log::enabled(log::Level::error));
  EXPECT_THAT(written(), EndsWith("warn  loud\n"));
  log::error("after the end");
  EXPECT_THAT(read(file_), EndsWith("warn  loud\n"));
}

TEST_F(LogTest, ReopensAFileThatWasMovedAway) {
  ASSERT_FALSE(log::set_up(log::Level::info, log::Format::text, file_));
  std::filesystem::rename(file_, folder_ / "old");
  ASSERT_FALSE(log::reopen());
  log::info("new");
  EXPECT_THAT(written(), EndsWith("new\n"));
  EXPECT_EQ(read(folder_ / "old"), "");
}

TEST_F(LogTest, AFileThatCannotBeOpenedLeavesTheLogAsItWas) {
  ASSERT_FALSE(log::set_up(log::Level::info, log::Format::text, file_));
  EXPECT_EQ(log::set_up(log::Level::off, log::Format::json, folder_ / "no" / "such"),
            std::errc::no_such_file_or_directory);
  log::info("still here");
  EXPECT_THAT(written(), EndsWith("info  still here\n"));
}

TEST_F(LogTest, LinesOfSeveralThreadsStayWhole) {
  ASSERT_FALSE(log::set_up(log::Level::info, log::Format::text, file_));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int n = 0; n < 500; ++n) log::info("line {} end", n);
      });
    }
  }
  std::istringstream lines(written());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_THAT(line, EndsWith(" end"));
  EXPECT_EQ(count, 2000);
}

// Standard error for as long as it lives goes to a file.
class StandardErrorTo {
 public:
  explicit StandardErrorTo(const std::filesystem::path& file) : saved_(dup(STDERR_FILENO)) {
    std::ofstream(file).put(' ');
    std::FILE* reopened = std::fopen(file.c_str(), "w");
    dup2(fileno(reopened), STDERR_FILENO);
    std::fclose(reopened);
  }
  ~StandardErrorTo() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
  }

 private:
  int saved_;
};

TEST_F(LogTest, TheJournalGetsPrioritiesInsteadOfTimes) {
  const StandardErrorTo redirected(file_);
  struct stat status {};
  ASSERT_EQ(fstat(STDERR_FILENO, &status), 0);
  const std::string stream = std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
  setenv("JOURNAL_STREAM", stream.c_str(), 1);
  ASSERT_FALSE(log::set_up(log::Level::debug, log::Format::text, "stderr"));
  log::debug("d");
  log::info("i");
  log::warn("w");
  log::error("e");
  EXPECT_EQ(written(), "<7>d\n<6>i\n<4>w\n<3>e\n");
  unsetenv("JOURNAL_STREAM");
}

TEST_F(LogTest, AnInheritedJournalStreamOfAnotherFileCountsForNothing) {
  const StandardErrorTo redirected(file_);
  setenv("JOURNAL_STREAM", "1:2", 1);
  ASSERT_FALSE(log::set_up(log::Level::info, log::Format::text, "stderr"));
  log::info("i");
  EXPECT_THAT(written(), EndsWith("Z info  i\n"));
  unsetenv("JOURNAL_STREAM");
}

TEST(LogText, GetsAPriorityOnEachLine) {
  EXPECT_EQ(log::with_priority(log::Level::error, "one\ntwo\n"), "<3>one\n<3>two\n");
  EXPECT_EQ(log::with_priority(log::Level::warn, "one"), "<4>one");
  EXPECT_EQ(log::with_priority(log::Level::warn, ""), "");
}

}  // namespace
}  // namespace culvert
