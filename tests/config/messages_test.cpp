// If this fails, an operator gets a message that is not the documented one, or underlines the wrong place.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/load.hpp"

namespace culvert::config {
namespace {

namespace fs = std::filesystem;

const fs::path& folder() {
  static const fs::path path = fs::path(CULVERT_SOURCE_DIR) / "tests/config/messages";
  return path;
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// The configurations of the folder: each has a .expected file beside it.
std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder())) {
    const fs::path& path = entry.path();
    if (fs::exists(fs::path(path).replace_extension(".expected")) && path.extension() != ".expected") {
      names.push_back(path.filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

class Messages : public testing::TestWithParam<std::string> {
 protected:
  // File names are printed as they were given: from inside the folder they are short.
  void SetUp() override { fs::current_path(folder()); }
  void TearDown() override { fs::current_path(before_); }

 private:
  fs::path before_ = fs::current_path();
};

TEST_P(Messages, AreAsDocumented) {
  const Loaded loaded = load(GetParam());
  const std::string expected = content(fs::path(GetParam()).replace_extension(".expected"));
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(to_text(loaded.diagnostics), expected);
  EXPECT_EQ(loaded.config == nullptr, has_errors(loaded.diagnostics));
  EXPECT_EQ(count(to_json(loaded.diagnostics), "\"severity\":"), loaded.diagnostics.size());
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& letter : name) {
    if (letter == '-' || letter == '.') letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Config, Messages, testing::ValuesIn(cases()), test_name);

TEST(MessageFiles, AllAreThere) { EXPECT_GE(cases().size(), 20u); }

}  // namespace
}  // namespace culvert::config
