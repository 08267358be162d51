// Where one line is put together: text that grows at its end, in memory that stays from line to line.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace culvert::proxy {

class LineBuffer {
 public:
  std::string_view text() const { return {start_.get(), size_}; }
  std::size_t size() const { return size_; }
  char& operator[](std::size_t at) { return start_[at]; }
  void clear() { size_ = 0; }

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

 private:
  // Room for `bytes` more, at the end.
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) grow(bytes);
    return start_.get() + size_;
  }
  void grow(std::size_t bytes);

  std::unique_ptr<char[]> start_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::string escaped_;
};

}  // namespace culvert::proxy
