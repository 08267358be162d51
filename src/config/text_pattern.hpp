// A text in which "*" stands for any, also for none.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

namespace culvert::config {

struct TextPattern {
  std::string text;

  bool matches(std::string_view subject) const {
    std::string_view rest = text;
    std::size_t star = rest.find('*');
    if (star == std::string_view::npos) return subject == rest;
    if (!subject.starts_with(rest.substr(0, star))) return false;
    subject.remove_prefix(star);
    rest.remove_prefix(star + 1);
    // Each part in between at its first place: what is left for those behind it is then the most there can be.
    while ((star = rest.find('*')) != std::string_view::npos) {
      const std::size_t at = subject.find(rest.substr(0, star));
      if (at == std::string_view::npos) return false;
      subject.remove_prefix(at + star);
      rest.remove_prefix(star + 1);
    }
    return subject.ends_with(rest);
  }
  bool operator==(const TextPattern&) const = default;
};

}  // namespace culvert::config
