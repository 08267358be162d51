// Text that only grows, until it is handed on whole. Room is checked once a piece, and is there already after the first
// lines: writing a line allocates nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace culvert::proxy {

class LineBuffer {
 public:
  explicit LineBuffer(std::size_t bytes) : bytes_(bytes) {}

  std::size_t size() const { return size_; }
  char& operator[](std::size_t at) { return text_[at]; }

  void append(char c) {
    *room(1) = c;
    ++size_;
  }
  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(room(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  void append_decimal(std::uint64_t number);
  // The last `digits` digits, with leading zeros.
  void append_digits(std::uint32_t number, std::size_t digits);
  // As a JSON string, with its quotes.
  void append_json(std::string_view text);
  // As nginx escapes variables in its log: \xHH for '"', '\' and whatever is not printable ASCII.
  void append_escaped(std::string_view text);

  // The text so far. Clearing it, or taking it away, begins anew.
  std::string& take();

 private:
  // Room for `bytes` more, at the end.
  char* room(std::size_t bytes) {
    if (text_.size() - size_ < bytes) grow(bytes);
    return text_.data() + size_;
  }
  void grow(std::size_t bytes);

  const std::size_t bytes_;  // to begin with
  std::size_t size_ = 0;
  std::string text_;         // its size is the room, not what is written
  std::string escaped_;
};

}  // namespace culvert::proxy
