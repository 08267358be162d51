// What a reload changes, in words for the log.
#pragma once
#include <string>
#include <vector>

#include "admin/operations.hpp"
#include "config/config.hpp"

namespace culvert::daemon {

// "1 route changed, 1 listener added", or "nothing changed".
std::string describe_changes(const config::Config& before, const config::Config& after);

// Each of them: "route changed: api".
std::vector<std::string> list_changes(const config::Config& before, const config::Config& after);

// What they mean for what lives: "listener web: 12 connections end after the request that they are at".
std::vector<std::string> effects_of(const config::Config& before, const config::Config& after,
                                    const admin::ProcessView& process, const admin::Summary& now);

// Settings that differ and that a running process cannot change: "process.threads".
std::vector<std::string> needing_restart(const config::Config& before, const config::Config& after);

// "1 listener", "2 listeners".
std::string counted(std::size_t count, std::string_view singular);

}  // namespace culvert::daemon
