// "Did you mean ...?": the word of a set that somebody who mistyped probably wanted.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace culvert::config {

// Optimal string alignment: how many letters to insert, delete, replace or swap with their neighbour.
std::size_t edit_distance(std::string_view left, std::string_view right);

// "true" for yes, on, TRUE and the like, "false" for no and FALSE; empty for anything else. Not for "off", which is a
// word of ours.
std::string_view meant_boolean(std::string_view word);

// The candidate at most a third of the word's letters away, or the same but for `-`, `_` and case; empty where there
// is none.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace culvert::config
