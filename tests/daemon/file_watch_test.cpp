// What would break: a renewed certificate would be presented only after somebody thought of a reload.
#include "daemon/file_watch.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>

#include "daemon/temporary_folder.hpp"

namespace culvert::daemon {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class FileWatchTest : public testing::Test {
 protected:
  // Until it is looked at once more; what was done before is in that look, or it comes by itself.
  bool is_told() {
    const int before = told_;
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (told_ == before && std::chrono::steady_clock::now() < deadline) io_.run_one_for(100ms);
    return told_ > before;
  }
  bool is_silent() {
    const int before = told_;
    io_.run_for(100ms);
    return told_ == before;
  }
  void watch(const std::string& name) {
    watch_.watch({folder_ / name});
    ASSERT_TRUE(is_told()) << "what has changed before counts";
    ASSERT_TRUE(is_silent());
  }
  // A link with this name from now on, at once.
  void link(const std::string& target, const std::string& name) {
    fs::create_symlink(target, folder_ / (name + "~"));
    fs::rename(folder_ / (name + "~"), folder_ / name);
  }

  TemporaryFolder folder_;
  asio::io_context io_;
  int told_ = 0;
  int trouble_ = 0;
  FileWatch watch_{io_, [this] { ++told_; }, [this](std::error_code) { ++trouble_; },
                   {.settle = 5ms, .poll = 10ms}};
};

TEST_F(FileWatchTest, HearsOfAFileThatIsWrittenOrReplaced) {
  folder_.write("a", "1");
  watch("a");
  folder_.write("a", "2");
  EXPECT_TRUE(is_told());
  fs::rename(folder_.write("b", "3"), folder_ / "a");
  EXPECT_TRUE(is_told());
  fs::permissions(folder_ / "a", fs::perms::owner_read);
  EXPECT_TRUE(is_told()) << "it may be readable now";
  EXPECT_EQ(trouble_, 0);
}

TEST_F(FileWatchTest, HearsNothingOfItsNeighbours) {
  folder_.write("a", "1");
  watch("a");
  folder_.write("b", "2");
  fs::remove(folder_ / "b");
  EXPECT_TRUE(is_silent());
}

TEST_F(FileWatchTest, WhatComesTogetherIsToldOnce) {
  folder_.write("a", "1");
  folder_.write("b", "1");
  FileWatch slow(io_, [this] { ++told_; }, [](std::error_code) {}, {.settle = 300ms});
  slow.watch({folder_ / "a", folder_ / "b"});
  ASSERT_TRUE(is_told());
  folder_.write("a", "2");
  io_.run_for(1ms);
  folder_.write("b", "2");
  EXPECT_TRUE(is_told());
  io_.run_for(500ms);
  EXPECT_EQ(told_, 2);
}

TEST_F(FileWatchTest, HearsOfAFileThatIsGoneAndBack) {
  folder_.write("a", "1");
  watch("a");
  fs::remove(folder_ / "a");
  EXPECT_TRUE(is_told());
  folder_.write("a", "1");
  EXPECT_TRUE(is_told());
}

TEST_F(FileWatchTest, HearsOfAWholeFolderThatIsGoneAndBack) {
  fs::create_directories(folder_ / "x/y");
  folder_.write("x/y/a", "1");
  watch("x/y/a");
  fs::rename(folder_ / "x", folder_ / "away");
  EXPECT_TRUE(is_told());
  fs::create_directory(folder_ / "x");
  EXPECT_TRUE(is_told());
  fs::create_directory(folder_ / "x/y");
  EXPECT_TRUE(is_told());
  folder_.write("x/y/a", "2");
  EXPECT_TRUE(is_told());
}

// As certbot has it: live/a -> ../archive/a1.
TEST_F(FileWatchTest, HearsOfALinkThatLeadsElsewhere) {
  fs::create_directory(folder_ / "archive");
  fs::create_directory(folder_ / "live");
  folder_.write("archive/a1", "1");
  folder_.write("archive/a2", "2");
  link("../archive/a1", "live/a");
  watch("live/a");
  link("../archive/a2", "live/a");
  EXPECT_TRUE(is_told());
  folder_.write("archive/a1", "3");
  EXPECT_TRUE(is_silent()) << "it is that no more";
  folder_.write("archive/a2", "4");
  EXPECT_TRUE(is_told());
}

// As Kubernetes mounts secrets: a -> ..data/a, ..data -> ..2026_1.
TEST_F(FileWatchTest, HearsOfALinkOnTheWayThatLeadsElsewhere) {
  for (const std::string version : {"..2026_1", "..2026_2"}) {
    fs::create_directory(folder_ / version);
    folder_.write(version + "/a", version);
  }
  link("..2026_1", "..data");
  link("..data/a", "a");
  watch("a");
  link("..2026_2", "..data");
  EXPECT_TRUE(is_told());
  fs::remove_all(folder_ / "..2026_1");
  EXPECT_TRUE(is_silent());
  EXPECT_EQ(folder_.read("a"), "..2026_2");
}

TEST_F(FileWatchTest, LinksInACircleLeadNowhere) {
  link("b", "a");
  link("a", "b");
  watch("a");
  fs::remove(folder_ / "a");
  EXPECT_TRUE(is_told());
}

TEST_F(FileWatchTest, OtherFilesInTheirPlace) {
  folder_.write("a", "1");
  folder_.write("b", "1");
  watch("a");
  watch("b");
  folder_.write("a", "2");
  EXPECT_TRUE(is_silent());
  folder_.write("b", "2");
  EXPECT_TRUE(is_told());
  watch_.watch({});
  ASSERT_TRUE(is_told());
  folder_.write("b", "3");
  EXPECT_TRUE(is_silent());
}

TEST_F(FileWatchTest, WithoutInotifyItLooksByTime) {
  folder_.write("a", "1");
  folder_.write("x", "1");
  watch("x");  // by inotify; sanitizers have then seen what they look at by descriptors of their own
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  watch_.watch({folder_ / "a"});
  EXPECT_TRUE(is_told());
  EXPECT_EQ(trouble_, 1);
  EXPECT_TRUE(is_silent());
  ::setrlimit(RLIMIT_NOFILE, &before);
  const std::string other = folder_.write("b", "2");
  ::setrlimit(RLIMIT_NOFILE, &none);
  fs::rename(other, folder_ / "a");
  EXPECT_TRUE(is_told());
  fs::remove(folder_ / "a");
  EXPECT_TRUE(is_told());
  EXPECT_EQ(trouble_, 1) << "it is said once";
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace culvert::daemon
