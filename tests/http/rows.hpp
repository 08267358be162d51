// ROWS("id", ...) as the first statement of a test names the behaviours of the message model that it proves.
#pragma once
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace culvert::test {

inline std::string join(std::initializer_list<std::string_view> ids) {
  std::string all;
  for (const std::string_view id : ids) all.append(all.empty() ? "" : " ").append(id);
  return all;
}

}  // namespace culvert::test

#define ROWS(...) ::testing::Test::RecordProperty("rows", culvert::test::join({__VA_ARGS__}))
