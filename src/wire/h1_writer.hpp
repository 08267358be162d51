// HTTP/1 heads and chunk lines as bytes. Writes what it is given: whoever takes text from outside asks the valid_
// functions first. Messages are always written from their parts, never passed on as they came.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "culvert/bytes.hpp"

namespace culvert::wire {

// A place to put a head together in. Its owner (a worker, not a connection) uses it again and again, so that it soon
// has the size it needs and a head costs no allocation.
class HeadBuffer {
 public:
  void append(std::string_view text) {
    if (text.size() > capacity_ - size_) grow(text.size());
    std::memcpy(data_.get() + size_, text.data(), text.size());
    size_ += text.size();
  }
  void append(char c) { append(std::string_view(&c, 1)); }
  void append_decimal(std::uint64_t number);

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {data_.get(), size_}; }  // valid until the next append
  Bytes bytes() const { return as_bytes(view()); }
  void clear() { size_ = 0; }

 private:
  static constexpr std::size_t first_capacity = 4096;
  void grow(std::size_t more);

  std::unique_ptr<char[]> data_ = std::make_unique_for_overwrite<char[]>(first_capacity);
  std::size_t size_ = 0;
  std::size_t capacity_ = first_capacity;
};

// Always HTTP/1.1, whatever the peer speaks (RFC 9110 2.5).
void write_request_line(HeadBuffer& out, std::string_view method, std::string_view target);
void write_status_line(HeadBuffer& out, std::uint16_t status, std::string_view reason);
inline void write_field(HeadBuffer& out, std::string_view name, std::string_view value) {
  out.append(name);
  out.append(": ");
  out.append(value);
  out.append("\r\n");
}
inline void write_field(HeadBuffer& out, std::string_view name, std::uint64_t number) {
  out.append(name);
  out.append(": ");
  out.append_decimal(number);
  out.append("\r\n");
}
inline void end_head(HeadBuffer& out) { out.append("\r\n"); }

// The line before a chunk's bytes, which are followed by chunk_end; returns its length. `size` is not 0: that would
// be the last chunk.
inline constexpr std::size_t chunk_size_max = 18;  // 16 digits, CR, LF
std::size_t write_chunk_size(char* out, std::size_t size);
inline constexpr std::string_view chunk_end = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";     // without trailers
inline constexpr std::string_view last_chunk_line = "0\r\n";    // then trailers as fields, then end_head

bool valid_token(std::string_view text);        // methods, field names; not empty
bool valid_field_value(std::string_view text);  // no control characters but HTAB; bytes from 0x80 are allowed
bool valid_target(std::string_view text);       // visible ASCII without "#"; not empty

}  // namespace culvert::wire
