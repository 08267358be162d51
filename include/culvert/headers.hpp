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
  HeaderId id{};           // of its name
  std::string_view name;   // with its case
  std::string_view value;  // without white space around it
};

// A flat list of header lines whose storage is a message's arena. Dies with the message.
class HeaderList {
 public:
  // As those of std::vector.
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
  const Header* find(HeaderId id) const { return may_have(id) ? search(id) : nullptr; }
  const Header* find(std::string_view name) const;
  // Whether the comma-separated lists of all lines with this id contain `token`, without regard to case.
  bool has_token(HeaderId id, std::string_view token) const;

  // False only where no line has this id: the cheap question before a search.
  bool may_have(HeaderId id) const { return (pushed_ & bit(id)) != 0; }

  // ---- for the message that it stands in
  void push(Arena& arena, const Header& header) {
    if (size_ == capacity_) grow(arena);
    first_[size_++] = header;
    pushed_ |= bit(header.id);
  }
  void remove_last() { assert(size_ > 0); --size_; }
  void clear() { *this = {}; }

 private:
  static std::uint64_t bit(HeaderId id) { return std::uint64_t{1} << (static_cast<unsigned>(id) % 64); }
  const Header* search(HeaderId id) const;
  void grow(Arena& arena);

  Header* first_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint64_t pushed_ = 0;  // a bit for each id that was ever pushed; ids that differ by 64 share one
};

}  // namespace culvert
