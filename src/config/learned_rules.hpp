// What a tunnel service has let pass while it learned, as rules that can be pasted into its configuration: a file that
// culvert writes, and reads to go on with what an earlier run has learned.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostic.hpp"
#include "config/node.hpp"

namespace culvert::config {

// Of one destination. Times are text: "2026-11-21T10:00:00Z".
struct Learned {
  std::uint64_t times = 0;
  std::string first;
  std::string last;
  std::string denied_by;  // "the default", or the name of a rule in quotes
};

class LearnedRules {
 public:
  // Of a file; others pass without being written down.
  static constexpr std::size_t destinations_max = 10'000;
  using Targets = std::map<std::string, Learned, std::less<>>;  // by HOST:PORT

  explicit LearnedRules(std::string_view tunnel) : tunnel_(tunnel) {}

  // What was written before. What is wrong with the text, where it is none of to_toml(); then nothing was read.
  std::optional<std::string> read(std::string_view text);
  // A destination, that `user` (empty: nobody is known) was let go to. Whether it is new.
  bool add(std::string_view user, std::string_view target, const Learned& learned);

  const std::string& tunnel() const { return tunnel_; }
  std::size_t destinations() const { return destinations_; }
  const std::map<std::string, Targets, std::less<>>& users() const { return users_; }

 private:
  void read_rule(const Node& rule, const Source& source);

  std::string tunnel_;
  std::map<std::string, Targets, std::less<>> users_;
  std::size_t destinations_ = 0;
};

std::string to_toml(const LearnedRules& rules);

// HOST:PORT as a rule allows exactly this; nothing where a rule would say more, or cannot say it.
std::optional<std::string> exact_target(std::string_view host, std::uint16_t port);

// What is wrong with the files that tunnels learn into.
void check_learned_files(const Node& root, Diagnostics& diagnostics);

}  // namespace culvert::config
