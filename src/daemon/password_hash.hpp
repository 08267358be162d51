// Hashes of passwords, as crypt(3) makes and checks them. Either takes as long as the hash is worth.
#pragma once
#include <string>

#include "culvert/error.hpp"

namespace culvert::daemon {

inline constexpr unsigned cost_max = 11;  // of yescrypt; each step takes twice the time and memory

// A hash of `password` with a salt of its own; cost 0: the library's standard.
Result<std::string> make_hash(const std::string& password, unsigned cost);
// Whether `password` has this hash. An error where crypt(3) can make nothing of it.
Result<bool> has_hash(const std::string& password, const std::string& hash);

}  // namespace culvert::daemon
