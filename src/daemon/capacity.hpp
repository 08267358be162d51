// What the process may use of the machine: asked by whoever runs, and by whoever wants to know what would hold.
#pragma once
#include <cstddef>
#include <cstdint>

#include "config/config.hpp"

namespace culvert::daemon {

std::size_t worker_count(const config::Process& process);

// Every connection costs a descriptor, two while it is proxied: as many as the system lets the process have.
void raise_open_files();
std::uint64_t open_files();  // how many that is; 0: no limit
// How many connections so many open files let be; 0: no limit.
std::uint64_t connections_that_fit(std::uint64_t files, std::size_t workers);

// How many of them one client may have where nothing else is said: what is left lets the others in. 0: no limit.
constexpr std::uint64_t connections_of_one_client(std::uint64_t max_connections) {
  return max_connections - max_connections / 10;
}

std::uint64_t memory_share(std::uint64_t memory, std::size_t workers);  // of a worker; 0: no limit

}  // namespace culvert::daemon
