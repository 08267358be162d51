// What a reload changes, in words for the log.
#pragma once
#include <string>
#include <vector>

#include "config/config.hpp"

namespace culvert::daemon {

// "1 route changed, 1 listener added", or "nothing changed".
std::string describe_changes(const config::Config& before, const config::Config& after);

// Settings that differ and that a running process cannot change: "process.threads".
std::vector<std::string> needing_restart(const config::Config& before, const config::Config& after);

// "1 listener", "2 listeners".
std::string counted(std::size_t count, std::string_view singular);

}  // namespace culvert::daemon
