// What would break: workers would wait for a slow log, lines would vanish without a word, rotation would lose some.
#include "daemon/log_writer.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>

#include "daemon/temporary_folder.hpp"

namespace culvert::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LogWriterTest : public testing::Test {
 protected:
  void submit(LogWriter& writer, std::string text, std::uint32_t lines = 1) { writer.submit(text, lines); }
  LogWriter::Report collect() {
    return [this](const std::string& text) {
      std::lock_guard lock(mutex_);
      reports_.push_back(text);
    };
  }

  TemporaryFolder folder_;
  std::mutex mutex_;
  std::vector<std::string> reports_;
};

// A pipe with a name and a reader that reads only when asked to.
class SlowReader {
 public:
  explicit SlowReader(const std::string& path) {
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    end_ = Descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK));
  }
  std::size_t read(std::size_t bytes) {
    std::string place(64 * 1024, '\0');
    std::size_t total = 0;
    pollfd readable{end_.number(), POLLIN, 0};
    while (total < bytes && ::poll(&readable, 1, 10'000) > 0) {
      const ssize_t got = ::read(end_.number(), place.data(), place.size());
      if (got <= 0) break;
      total += static_cast<std::size_t>(got);
    }
    return total;
  }

 private:
  Descriptor end_;
};

TEST_F(LogWriterTest, WritesInOrderAndAppends) {
  const std::string path = folder_.write("access.log", "earlier\n");
  {
    LogWriter writer(collect());
    ASSERT_FALSE(writer.open(path));
    submit(writer, "one\ntwo\n", 2);
    submit(writer, "three\n");
  }
  EXPECT_EQ(folder_.read("access.log"), "earlier\none\ntwo\nthree\n");
  EXPECT_TRUE(reports_.empty());
}

TEST_F(LogWriterTest, GivesAnEmptyReservedBufferBack) {
  LogWriter writer(collect());
  ASSERT_FALSE(writer.open(folder_ / "access.log"));
  std::string buffer = "line\n";
  buffer.reserve(100'000);
  writer.submit(buffer, 1);
  EXPECT_TRUE(buffer.empty());
  EXPECT_GE(buffer.capacity(), 100'000u);
}

TEST_F(LogWriterTest, CreatesFilesThatOthersMayNotRead) {
  LogWriter writer(collect());
  const mode_t mask = ::umask(0);
  ASSERT_FALSE(writer.open(folder_ / "access.log"));
  ::umask(mask);
  struct stat status{};
  ASSERT_EQ(::stat((folder_ / "access.log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_F(LogWriterTest, DropsAndCountsWhenThePipeIsFullAndNeverWaits) {
  constexpr std::size_t bytes = 64 * 1024;  // what a pipe holds
  constexpr std::uint64_t offered = 100;
  SlowReader reader(folder_ / "pipe");
  {
    LogWriter writer(collect());
    ASSERT_FALSE(writer.open(folder_ / "pipe"));
    for (std::uint64_t i = 0; i < offered; ++i) submit(writer, std::string(bytes, 'x'));  // nobody reads: returns
    // In the pipe, in the writer's hand and in the queue: at most so many.
    EXPECT_GE(writer.dropped(), offered - LogWriter::buffers_max - 2);
    EXPECT_LE(writer.dropped(), offered - LogWriter::buffers_max);
    const std::uint64_t kept = offered - writer.dropped();
    EXPECT_EQ(reader.read(kept * bytes), kept * bytes) << "what was not counted as dropped arrives";
  }
  ASSERT_FALSE(reports_.empty());
  EXPECT_EQ(reports_.front(), "access log: 1 line dropped: the target takes them too slowly");
}

TEST_F(LogWriterTest, GivesUpAtTheEndWhereNobodyReads) {
  SlowReader reader(folder_ / "pipe");
  {
    LogWriter writer(collect(), std::chrono::milliseconds(20));
    ASSERT_FALSE(writer.open(folder_ / "pipe"));
    submit(writer, std::string(64 * 1024, 'x'), 10);
    submit(writer, std::string(64 * 1024, 'x'), 7);
    submit(writer, std::string(64 * 1024, 'x'), 5);
  }
  std::uint64_t reported = 0;
  for (const std::string& text : reports_) reported += std::stoull(text.substr(text.find(':') + 1));
  EXPECT_EQ(reported, 12u) << "the first fits into the pipe";
  EXPECT_THAT(reports_.back(), HasSubstr("timed out"));
}

TEST_F(LogWriterTest, WritesToTheNewFileAfterRotation) {
  LogWriter::Report none = [](const std::string&) {};
  {
    LogWriter writer(none);
    ASSERT_FALSE(writer.open(folder_ / "access.log"));
    submit(writer, "before\n");
    std::filesystem::rename(folder_ / "access.log", folder_ / "rotated.log");
    ASSERT_FALSE(writer.reopen());
    EXPECT_TRUE(std::filesystem::exists(folder_ / "access.log")) << "at once, not with the first line";
    submit(writer, "after\n");
  }
  EXPECT_EQ(folder_.read("rotated.log"), "before\n");
  EXPECT_EQ(folder_.read("access.log"), "after\n");
}

TEST_F(LogWriterTest, KeepsTheOldTargetWhereTheNewOneCannotBeOpened) {
  {
    LogWriter writer(collect());
    ASSERT_FALSE(writer.open(folder_ / "access.log"));
    EXPECT_EQ(writer.open(folder_ / "nowhere/access.log"), std::errc::no_such_file_or_directory);
    submit(writer, "line\n");
  }
  EXPECT_EQ(folder_.read("access.log"), "line\n");
}

TEST_F(LogWriterTest, SaysWhyADiskTookNothing) {
  {
    LogWriter writer(collect());
    ASSERT_FALSE(writer.open("/dev/full"));
    submit(writer, "line\nline\n", 2);
  }
  EXPECT_THAT(reports_, ElementsAre("access log: 2 lines dropped: No space left on device"));
}

}  // namespace
}  // namespace culvert::daemon
