// Messages that are read whole, byte by byte and in pieces of any size, which must make no difference.
#pragma once
#include <string>

#include "fuzz/target.hpp"
#include "wire/recorder.hpp"

namespace culvert::fuzz {

inline wire::ParserLimits limits_of(wire::Rules rules, bool narrow) {
  wire::ParserLimits limits;
  limits.rules = rules;
  if (narrow) limits.header_bytes_max = 128, limits.headers_max = 4, limits.require_host = true;
  return limits;
}

inline void read_in_pieces(wire::MessageKind kind, const wire::ParserLimits& limits, wire::BodyRule rule,
                           std::string_view input) {
  const auto read = [&](bool pauses, const wire::Recorder::NextSize& next_size) {
    wire::Recorder recorder(kind);
    recorder.limits = limits;
    recorder.rule = rule;
    recorder.pauses = pauses;
    return recorder.read(input, next_size);
  };
  const std::string whole = read(false, [&] { return input.size(); });
  EXPECT_EQ(read(false, [] { return std::size_t{1}; }), whole) << "byte by byte";
  EXPECT_EQ(read(true, [] { return std::size_t{1}; }), whole) << "byte by byte, with pauses";
  Choices choices(input);
  for (const std::size_t largest : {3, 40}) {
    EXPECT_EQ(read(largest == 3, [&] { return choices.next(largest) + 1; }), whole) << "up to " << largest << " bytes";
  }
}

inline void read_by_all_rules(wire::MessageKind kind, wire::BodyRule rule, std::string_view input) {
  for (const wire::Rules rules : {wire::Rules::strict, wire::Rules::node, wire::Rules::insecure}) {
    for (const bool narrow : {false, true}) read_in_pieces(kind, limits_of(rules, narrow), rule, input);
  }
}

}  // namespace culvert::fuzz
