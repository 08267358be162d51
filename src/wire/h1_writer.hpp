// HTTP/1 heads and chunk lines as bytes. Writes what it is given: whoever takes text from outside asks the valid_
// functions first. Messages are always written from their parts, never passed on as they came.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "culvert/bytes.hpp"
#include "culvert/headers.hpp"

namespace culvert::wire {

// A place to put a head together in. Its owner (a worker, not a connection) uses it again and again, so that it soon
// has the size it needs and a head costs no allocation.
class HeadBuffer {
 public:
  HeadBuffer() = default;
  HeadBuffer(const HeadBuffer&) = delete;
  HeadBuffer& operator=(const HeadBuffer&) = delete;

  void append(std::string_view text) {
    reserve(text.size());
    end_ = copy(end_, text);
  }
  void append_decimal(std::uint64_t number);
  // Texts behind one another: asks for room only once. Inline, so that the sizes of literals are known.
  template <class... Texts>
  [[gnu::always_inline]] void append_all(const Texts&... texts) {
    reserve((std::string_view(texts).size() + ...));
    char* at = end_;
    ((at = copy(at, texts)), ...);
    end_ = at;
  }
  // One line of a head.
  void append_field(std::string_view name, std::string_view value) { append_all(name, ": ", value, "\r\n"); }
  // Those of a relayed head, which are most of what is written.
  void append_fields(std::span<const Header> lines);

  bool empty() const { return size() == 0; }
  std::size_t size() const { return static_cast<std::size_t>(end_ - data_.get()); }
  std::string_view view() const { return {data_.get(), size()}; }  // valid until the next append
  Bytes bytes() const { return as_bytes(view()); }
  void clear() { end_ = data_.get(); }

 private:
  static constexpr std::size_t first_capacity = 4096;
  void reserve(std::size_t more) {
    if (more > static_cast<std::size_t>(limit_ - end_)) grow(more);
  }
  void grow(std::size_t more);
  // Returns the place behind the copy. Short texts, as most are, go as words or bytes that overlap, without a call.
  static char* copy(char* to, std::string_view text) {
    const std::size_t size = text.size();
    if (size >= 8) {
      if (size < 16) {
        copy_ends<8>(to, text);
      } else if (size < 32) {
        copy_ends<16>(to, text);
      } else {
        std::memcpy(to, text.data(), size);
      }
    } else if (size >= 4) {
      copy_ends<4>(to, text);
    } else if (size >= 2) {
      copy_ends<2>(to, text);
    } else if (size == 1) {
      *to = text.front();
    }
    return to + size;
  }
  template <std::size_t Bytes>
  static void copy_ends(char* to, std::string_view text) {
    std::memcpy(to, text.data(), Bytes);
    std::memcpy(to + text.size() - Bytes, text.data() + text.size() - Bytes, Bytes);
  }

  std::unique_ptr<char[]> data_ = std::make_unique_for_overwrite<char[]>(first_capacity);
  char* end_ = data_.get();
  char* limit_ = data_.get() + first_capacity;
};

// Always HTTP/1.1, whatever the peer speaks (RFC 9110 2.5).
void write_request_line(HeadBuffer& out, std::string_view method, std::string_view target);
void write_status_line(HeadBuffer& out, std::uint16_t status, std::string_view reason);
inline void write_field(HeadBuffer& out, std::string_view name, std::string_view value) {
  out.append_field(name, value);
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
inline constexpr std::string_view last_chunk_line = "0\r\n";  // then trailers as fields, then chunk_end

bool valid_token(std::string_view text);        // methods, field names; not empty
bool valid_field_value(std::string_view text);  // no control characters but HTAB; bytes from 0x80 are allowed
bool valid_target(std::string_view text);       // visible ASCII without "#"; not empty

}  // namespace culvert::wire
