// The answers of the admin server, as JSON.
#pragma once
#include <string>
#include <string_view>

#include "admin/operations.hpp"

namespace culvert::admin::documents {

std::string status(const ProcessView& process, const Summary& summary, WallTime now);
std::string upstreams(const Summary& summary);
std::string tunnels(const Summary& summary);
std::string reload(const ReloadOutcome& outcome);
std::string plan(const Plan& plan);
std::string drained(std::uint64_t under_way);
std::string error(std::string_view text);

}  // namespace culvert::admin::documents
