// Everything that happens, in order: a digest that tells two runs apart, and the lines themselves where somebody reads
// them.
#pragma once
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace culvert::simulation {

class Trace {
 public:
  explicit Trace(bool print) : print_(print) {}

  template <class... Args>
  void add(std::chrono::steady_clock::duration time, fmt::format_string<Args...> text, Args&&... args) {
    line_.clear();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    fmt::format_to(std::back_inserter(line_), "{:>12.6f} ", static_cast<double>(us) / 1e6);
    fmt::format_to(std::back_inserter(line_), text, std::forward<Args>(args)...);
    for (const char c : line_) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;  // FNV-1a
    if (print_) std::printf("%s\n", line_.c_str());
  }
  std::uint64_t digest() const { return digest_; }

 private:
  const bool print_;
  std::string line_;
  std::uint64_t digest_ = 0xcbf29ce484222325;
};

}  // namespace culvert::simulation
