// The headers that a program has set on a message and that wait for its head: in the order in which they were first set,
// with the case of the last call, and with the kind of value that was given. Storage is the message's arena.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "culvert/headers.hpp"

namespace culvert {

// A header's value as it was set. Borrows its text from the message.
using HeaderValue = std::variant<std::string_view, std::int64_t, std::vector<std::string_view>>;

class OutgoingHeaders {
 public:
  enum class Kind : std::uint8_t { text, number, list };
  struct Field {
    HeaderId id{};
    Kind kind = Kind::text;
    std::string_view name;
    std::span<const std::string_view> values;  // one, but for a list

    HeaderValue value() const;
  };

  bool empty() const { return size_ == 0; }
  const Field* begin() const { return first_; }
  const Field* end() const { return first_ + size_; }
  const Field* find(std::string_view name) const;  // without regard to case

  // Text is copied. An earlier field of that name is replaced where it stands.
  void set(Arena& arena, std::string_view name, Kind kind, std::span<const std::string_view> values);
  // Adds values to those that the name has.
  void append(Arena& arena, std::string_view name, std::span<const std::string_view> values);
  bool remove(std::string_view name);

 private:
  Field& place_for(Arena& arena, std::string_view name);

  Field* first_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace culvert
