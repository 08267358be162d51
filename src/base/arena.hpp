// Memory for one message: taken piece by piece, given back all at once. Holds text and trivially destructible values.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/block_pool.hpp"

namespace culvert {

class Arena {
 public:
  explicit Arena(BlockPool& pool) : pool_(pool) {}
  // With room for small messages that the owner brings along: most need nothing from the pool.
  Arena(BlockPool& pool, std::span<std::byte> first)
      : pool_(pool), first_(first), at_(first.data()), end_(first.data() + first.size()) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { clear(); }

  // `bytes` of storage for `alignment`, valid until clear(). Pieces larger than a block come from the heap.
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    std::byte* start = aligned(alignment);
    if (bytes > static_cast<std::size_t>(end_ - start)) return allocate_slowly(bytes, alignment);
    at_ = start + bytes;
    return start;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* place = static_cast<char*>(allocate(text.size(), 1));
    std::memcpy(place, text.data(), text.size());
    return {place, text.size()};
  }
  // `text`, which lies in this arena, followed by `more`; in place where `text` is the last piece and there is room.
  std::string_view extend(std::string_view text, std::string_view more);
  template <class T>
  std::span<T> array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return {::new (allocate(count * sizeof(T), alignof(T))) T[count](), count};
  }

  void clear();  // gives every block back

 private:
  struct Large {
    Large* next;
    std::size_t bytes;
  };
  std::byte* aligned(std::size_t alignment) {
    const auto address = reinterpret_cast<std::uintptr_t>(at_);
    return at_ + ((alignment - address % alignment) % alignment);
  }
  void* allocate_slowly(std::size_t bytes, std::size_t alignment);

  BlockPool& pool_;
  const std::span<std::byte> first_;
  std::byte* at_ = nullptr;
  std::byte* end_ = nullptr;
  Block* blocks_ = nullptr;
  Large* large_ = nullptr;
};

}  // namespace culvert
