// What would break: what was learned would not reach its file, or the file would be written for every request.
#include "daemon/learner.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "daemon/temporary_folder.hpp"

namespace culvert::daemon {
namespace {

class LearnerTest : public testing::Test {
 protected:
  LearnerTest() { tunnel("out").learn = file_; }
  config::Tunnel& tunnel(const std::string& name) {
    config_.tunnels[name].name = name;
    return config_.tunnels[name];
  }
  void learn(std::string_view target, std::string_view file = {}) {
    learner_.learn({.time = {}, .file = file.empty() ? file_ : file, .user = {}, .target = target, .denied_by = {}});
  }
  bool has(const std::string& part) const { return folder_.read("learned.toml").find(part) != std::string::npos; }

  TemporaryFolder folder_;
  const std::string file_ = folder_ / "learned.toml";
  config::Config config_;
  int told_ = 0;
  Learner learner_{[this] { ++told_; }};
};

TEST_F(LearnerTest, TellsOnceThatThereIsSomethingToWrite) {
  ASSERT_FALSE(learner_.open(config_));
  EXPECT_TRUE(has("learned rules of [tunnel.out]")) << "it can be written";
  learn("a.test:443");
  learn("b.test:443");
  EXPECT_EQ(told_, 1);
  EXPECT_FALSE(has("a.test"));
  learner_.write();
  EXPECT_TRUE(has("a.test") && has("b.test"));
  EXPECT_TRUE(has("first: 1970-01-01T00:00:00Z, last: 1970-01-01T00:00:00Z, denied by: the default"));
  learn("c.test:443");
  EXPECT_EQ(told_, 2);
}

TEST_F(LearnerTest, WritesWhatIsKnownAtTheEnd) {
  ASSERT_FALSE(learner_.open(config_));
  learn("a.test:443");
  learner_.write();
  learn("a.test:443");
  EXPECT_EQ(told_, 1);
  learner_.write();
  EXPECT_TRUE(has("times: 1,")) << "nothing is new";
  learner_.write_all();
  EXPECT_TRUE(has("times: 2,"));
  std::filesystem::remove(file_);
  learner_.write_all();
  EXPECT_FALSE(std::filesystem::exists(file_)) << "nothing has changed";
}

TEST_F(LearnerTest, KeepsWhatItHasWhenItIsOpenedAgain) {
  ASSERT_FALSE(learner_.open(config_));
  learn("a.test:443");
  tunnel("other").learn = folder_ / "other.toml";
  ASSERT_FALSE(learner_.open(config_));
  EXPECT_TRUE(has("a.test"));
  learn("a.test:443");
  learner_.write_all();
  EXPECT_TRUE(has("times: 2,"));
}

TEST_F(LearnerTest, EndsWithTheConfiguration) {
  ASSERT_FALSE(learner_.open(config_));
  learn("a.test:443");
  tunnel("out").learn.clear();
  ASSERT_FALSE(learner_.open(config_));
  EXPECT_TRUE(has("a.test")) << "nothing is lost";
  learn("b.test:443");
  learner_.write_all();
  EXPECT_FALSE(has("b.test"));
}

TEST_F(LearnerTest, SaysWhatItCannotWrite) {
  tunnel("out").learn = folder_ / "missing/file";
  const auto failure = learner_.open(config_);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->file, tunnel("out").learn);
  EXPECT_EQ(failure->why, "No such file or directory");
}

TEST_F(LearnerTest, TriesAgainWhatCouldNotBeWritten) {
  ASSERT_FALSE(learner_.open(config_));
  std::filesystem::create_directory(file_ + ".new");
  learn("a.test:443");
  learner_.write();
  EXPECT_FALSE(has("a.test"));
  std::filesystem::remove(file_ + ".new");
  learner_.write();
  EXPECT_TRUE(has("a.test"));
}

}  // namespace
}  // namespace culvert::daemon
