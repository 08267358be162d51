// The beginning of a line whose end has not arrived yet, kept in the message's arena. Grows by doubling, so that a peer
// which sends one byte at a time costs no more than twice the room; what a line leaves over serves the next.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "base/arena.hpp"
#include "wire/head_guard.hpp"

namespace culvert::wire {

class OpenLine {
 public:
  bool empty() const { return size_ == 0; }
  std::string_view text() const { return {data_, size_}; }
  void append(Arena& arena, std::string_view text) {
    if (text.size() > capacity_ - size_) grow(arena, text.size());
    std::memcpy(data_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  // The line, which stays where it is as long as the arena does. Behind it is the margin that find_line_end needs.
  std::string_view take() {
    const std::string_view line = text();
    data_ += size_;
    capacity_ -= size_;
    size_ = 0;
    return line;
  }

 private:
  static constexpr std::size_t first_capacity = 256;

  void grow(Arena& arena, std::size_t more) {
    const std::size_t capacity = std::max(first_capacity, 2 * (size_ + more));
    char* data = static_cast<char*>(arena.allocate(capacity + margin, 1));
    std::memset(data, 0, capacity + margin);
    if (size_ > 0) std::memcpy(data, data_, size_);
    data_ = data;
    capacity_ = capacity;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace culvert::wire
