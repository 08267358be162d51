#include "culvert/outbox.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "base/block_pool.hpp"

namespace culvert::net {

namespace {

constexpr std::size_t parts_max = 64;  // of one gather-send
constexpr std::size_t segments_a_page = 32;

struct Segment {
  const std::byte* data;
  std::uint32_t size;
  bool borrowed;
};

}  // namespace

// A block seen as a page of the queue: segments in the order in which they are sent, and room for the bytes that were
// copied. A page in the queue has at least one unsent segment. The first page also keeps what concerns the whole queue.
struct Outbox::Page : Block {
  struct Whole {
    Page* last;
    std::size_t size = 0;
    bool borrows = false;
  };
  static constexpr std::size_t room =
      total_bytes - sizeof(Block) - sizeof(Whole) - 8 - segments_a_page * sizeof(Segment);

  Whole whole{this};
  std::uint16_t first = 0;   // segments before this one are sent
  std::uint16_t end = 0;
  std::uint16_t filled = 0;  // bytes of the room
  Segment segments[segments_a_page];
  std::byte bytes[room];

  Page* next_page() const { return static_cast<Page*>(next); }
  std::span<Segment> unsent() { return {segments + first, segments + end}; }

  // Whether the last segment ends where the free room begins, so that more bytes only make it longer.
  bool extends() const {
    if (end == first) return false;
    const Segment& segment = segments[end - 1];
    return !segment.borrowed && segment.data + segment.size == bytes + filled;
  }
  bool takes_copy() const { return filled < room && (end < segments_a_page || extends()); }

  std::size_t copy(Bytes source) {
    const std::size_t size = std::min(source.size(), room - filled);
    if (!extends()) segments[end++] = {bytes + filled, 0, false};
    std::memcpy(bytes + filled, source.data(), size);
    segments[end - 1].size += static_cast<std::uint32_t>(size);
    filled = static_cast<std::uint16_t>(filled + size);
    return size;
  }
};

Outbox::Outbox(Outbox&& other) noexcept : blocks_(other.blocks_), first_(std::exchange(other.first_, nullptr)) {}

Outbox& Outbox::operator=(Outbox&& other) noexcept {
  if (this != &other) {
    clear();
    blocks_ = other.blocks_;
    first_ = std::exchange(other.first_, nullptr);
  }
  return *this;
}

void Outbox::copy(Bytes bytes) {
  while (!bytes.empty()) {
    Page* page = &last_page();
    if (!page->takes_copy()) page = &add_page();
    const std::size_t copied = page->copy(bytes);
    first_->whole.size += copied;
    bytes = bytes.subspan(copied);
  }
}

void Outbox::borrow(Bytes bytes) {
  if (bytes.size() < borrow_min) return copy(bytes);
  assert(bytes.size() <= UINT32_MAX);
  Page* page = &last_page();
  if (page->end == segments_a_page) page = &add_page();
  page->segments[page->end++] = {bytes.data(), static_cast<std::uint32_t>(bytes.size()), true};
  first_->whole.size += bytes.size();
  first_->whole.borrows = true;
}

std::size_t Outbox::size() const { return empty() ? 0 : first_->whole.size; }

std::error_code Outbox::flush(Transport& transport) {
  while (first_ != nullptr) {
    std::array<iovec, parts_max> parts;
    std::size_t count = 0;
    std::size_t offered = 0;
    for (Page* page = first_; page != nullptr && count < parts_max; page = page->next_page()) {
      for (const Segment& segment : page->unsent()) {
        if (count == parts_max) break;
        parts[count++] = {const_cast<std::byte*>(segment.data), segment.size};
        offered += segment.size;
      }
    }
    Result<std::size_t> taken = transport.write({parts.data(), count});
    if (!taken) {
      clear();
      return taken.error();
    }
    if (*taken == first_->whole.size) {
      clear();
      break;
    }
    consume(*taken);
    if (*taken < offered) {
      own_what_is_left();
      break;
    }
  }
  return {};
}

void Outbox::clear() {
  while (first_ != nullptr) blocks_->give(std::exchange(first_, first_->next_page()));
}

Outbox::Page& Outbox::last_page() {
  if (first_ == nullptr) return *(first_ = ::new (static_cast<void*>(blocks_->take())) Page);
  return *first_->whole.last;
}

Outbox::Page& Outbox::add_page() {
  Page* page = ::new (static_cast<void*>(blocks_->take())) Page;
  first_->whole.last->next = page;
  first_->whole.last = page;
  return *page;
}

void Outbox::consume(std::size_t bytes) {
  first_->whole.size -= bytes;
  while (bytes > 0) {
    Segment& segment = first_->segments[first_->first];
    if (bytes < segment.size) {
      segment.data += bytes;
      segment.size -= static_cast<std::uint32_t>(bytes);
      return;
    }
    bytes -= segment.size;
    if (++first_->first < first_->end) continue;
    Page* sent = std::exchange(first_, first_->next_page());
    if (first_ != nullptr) first_->whole = sent->whole;
    blocks_->give(sent);
  }
}

// Copies what is borrowed. From the first page on that borrows the queue is written anew; what waits since earlier
// turns, in the pages before, stays where it is.
void Outbox::own_what_is_left() {
  if (!first_->whole.borrows) return;
  first_->whole.borrows = false;
  const auto borrows = [](const Segment& segment) { return segment.borrowed; };
  Page* before = nullptr;
  Page* page = first_;
  while (page != nullptr && std::ranges::none_of(page->unsent(), borrows)) {
    before = std::exchange(page, page->next_page());
  }
  if (page == nullptr) return;

  Outbox rest(*blocks_);
  for (Page* from = page; from != nullptr; from = from->next_page()) {
    for (const Segment& segment : from->unsent()) rest.copy({segment.data, segment.size});
  }
  if (before == nullptr) {
    *this = std::move(rest);
    return;
  }
  first_->whole.last = rest.first_->whole.last;
  before->next = rest.first_;
  rest.first_ = page;  // and goes with it
}

}  // namespace culvert::net
