#include "daemon/capacity.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "base/log.hpp"

namespace culvert::daemon {

std::size_t worker_count(const config::Process& process) {
  if (process.threads > 0) return process.threads;
  return std::max(1u, std::thread::hardware_concurrency());
}

void raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) log::warn("the limit of open files cannot be raised");
}

std::uint64_t open_files() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ? 0 : limit.rlim_cur;
}

// A proxied connection has two; some are kept for listening sockets, logs, files that a reload reads, and the loops.
std::uint64_t connections_that_fit(std::uint64_t files, std::size_t workers) {
  const std::uint64_t reserve = 64 + 8 * workers;
  return files > 2 * reserve ? (files - reserve) / 2 : files / 4;
}

std::uint64_t memory_share(std::uint64_t memory, std::size_t workers) {
  return memory == 0 ? 0 : std::max<std::uint64_t>(1, memory / workers);
}

}  // namespace culvert::daemon
