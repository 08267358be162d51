// If this fails, a file of learned rules crashes culvert, or cannot be read any more once culvert has written it.
//
// The input is the file.
#include "config/learned_rules.hpp"

#include <string>

#include "fuzz/target.hpp"

namespace culvert::fuzz {

void run(std::string_view input) {
  config::LearnedRules rules("out");
  if (rules.read(input)) return;
  const std::string text = config::to_toml(rules);
  config::LearnedRules again("out");
  EXPECT_EQ(again.read(text), std::nullopt) << text;
  EXPECT_EQ(config::to_toml(again), text);
}

}  // namespace culvert::fuzz
