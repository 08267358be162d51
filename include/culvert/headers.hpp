// Header lines as they stand in a message: in order, with their case and their repetitions. Node's rawHeaders.
#pragma once
#include <cassert>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace culvert {

class Arena;

// A row of wire/header_names.def; `other` (0) for a name that has no row there.
enum class HeaderId : std::uint16_t;

// One header line. Borrows its text from the message it stands in (or from whoever offers it for sending).
struct Header {
  HeaderId id{};
  std::string_view name;
  std::string_view value;
};

// A flat list of header lines whose storage is a message's arena. Dies with the message.
class HeaderList {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  const Header& operator[](std::size_t i) const { assert(i < size_); return first_[i]; }
  Header& operator[](std::size_t i) { assert(i < size_); return first_[i]; }
  Header* begin() { return first_; }
  Header* end() { return first_ + size_; }
  const Header* begin() const { return first_; }
  const Header* end() const { return first_ + size_; }
  operator std::span<const Header>() const { return {first_, size_}; }

  // The first line with that name, or null; names are compared without regard to case.
  const Header* find(HeaderId id) const;
  const Header* find(std::string_view name) const;
  // Whether the comma-separated lists of all lines with this id contain `token`, without regard to case.
  bool has_token(HeaderId id, std::string_view token) const;

  void push(Arena& arena, const Header& header);
  void remove_last() { assert(size_ > 0); --size_; }
  void clear() { first_ = nullptr; size_ = capacity_ = 0; }

 private:
  Header* first_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace culvert
