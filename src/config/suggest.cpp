#include "config/suggest.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace culvert::config {
namespace {

std::string plain_form(std::string_view word) {
  std::string plain;
  for (const char letter : word) {
    if (letter == '-' || letter == '_') continue;
    plain += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  }
  return plain;
}

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right) {
  // Three rows of the usual table: a swap of neighbours looks back two.
  std::vector<std::size_t> before_last(right.size() + 1), last(right.size() + 1), row(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[right.size()];
}

std::string_view meant_boolean(std::string_view word) {
  const std::string plain = plain_form(word);
  if (plain == "true" || plain == "yes" || plain == "on") return "true";
  if (plain == "false" || plain == "no") return "false";
  return {};
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  constexpr std::size_t word_bytes_max = 64;  // nobody meant this by mistake, and the distance is quadratic
  if (word.size() > word_bytes_max) return {};
  const std::string plain = plain_form(word);
  std::string_view best;
  std::size_t best_distance = word.size() / 3 + 1;
  for (const std::string_view candidate : candidates) {
    if (plain_form(candidate) == plain) return candidate;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

}  // namespace culvert::config
