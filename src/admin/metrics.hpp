// The figures of the process in Prometheus' text format (version 0.0.4).
#pragma once
#include <string>

#include "admin/operations.hpp"

namespace culvert::admin {

inline constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics(const ProcessView& process, const Summary& summary);

}  // namespace culvert::admin
