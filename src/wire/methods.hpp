// The request methods that are understood, whatever the packaged llhttp knows.
#pragma once
#include <span>
#include <string_view>

namespace culvert::wire {

std::span<const std::string_view> methods();  // in alphabetical order
bool is_known_method(std::string_view method);

}  // namespace culvert::wire
