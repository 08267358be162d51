#include "base/arena.hpp"

namespace culvert {

void Arena::clear() {
  while (blocks_ != nullptr) {
    Block* next = blocks_->next;
    pool_.give(blocks_);
    blocks_ = next;
  }
  while (large_ != nullptr) {
    Large* next = large_->next;
    pool_.discount_large(large_->bytes);
    ::operator delete(large_);
    large_ = next;
  }
  at_ = first_.data();
  end_ = at_ + first_.size();
}

std::string_view Arena::extend(std::string_view text, std::string_view more) {
  if (more.empty()) return text;
  if (text.empty()) return copy(more);
  const bool last = reinterpret_cast<const std::byte*>(text.data() + text.size()) == at_;
  if (last && more.size() <= static_cast<std::size_t>(end_ - at_)) {
    std::memcpy(at_, more.data(), more.size());
    at_ += more.size();
    return {text.data(), text.size() + more.size()};
  }
  char* place = static_cast<char*>(allocate(text.size() + more.size(), 1));
  std::memcpy(place, text.data(), text.size());
  std::memcpy(place + text.size(), more.data(), more.size());
  return {place, text.size() + more.size()};
}

void* Arena::allocate_slowly(std::size_t bytes, std::size_t alignment) {
  if (bytes + alignment > Block::capacity()) {
    constexpr std::size_t header = sizeof(std::max_align_t) < sizeof(Large) ? sizeof(Large) : sizeof(std::max_align_t);
    auto* raw = static_cast<std::byte*>(::operator new(header + bytes));
    large_ = ::new (raw) Large{large_, header + bytes};
    pool_.count_large(large_->bytes);
    return raw + header;
  }
  Block* block = pool_.take();
  block->next = blocks_;
  blocks_ = block;
  at_ = block->data();
  end_ = at_ + Block::capacity();
  return allocate(bytes, alignment);
}

}  // namespace culvert
