#include "culvert/outbox.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "base/block_pool.hpp"

namespace culvert::net {

namespace {

constexpr std::size_t parts_max = 64;  // of one gather-send
constexpr std::size_t segments_a_page = 32;

iovec segment(const std::byte* data, std::size_t size) { return {const_cast<std::byte*>(data), size}; }
Bytes bytes_of(const iovec& segment) { return {static_cast<const std::byte*>(segment.iov_base), segment.iov_len}; }

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
      total_bytes - sizeof(Block) - sizeof(Whole) - 16 - segments_a_page * sizeof(iovec);

  Whole whole{this};
  std::uint16_t first = 0;  // segments before this one are sent
  std::uint16_t end = 0;
  std::uint16_t filled = 0;         // bytes of the room
  std::uint32_t borrowed = 0;       // a bit for each segment
  iovec segments[segments_a_page];  // as a gather-send takes them
  std::byte bytes[room];

  Page* next_page() const { return static_cast<Page*>(next); }
  std::span<const iovec> unsent() const { return {segments + first, segments + end}; }

  // Whether the last segment ends where the free room begins, so that more bytes only make it longer.
  bool extends() const {
    if (end == first) return false;
    const Bytes last = bytes_of(segments[end - 1]);
    return last.data() + last.size() == bytes + filled;
  }
  bool takes_copy() const { return filled < room && (end < segments_a_page || extends()); }

  std::size_t copy(Bytes source) {
    const std::size_t size = std::min(source.size(), room - filled);
    if (!extends()) segments[end++] = segment(bytes + filled, 0);
    std::memcpy(bytes + filled, source.data(), size);
    segments[end - 1].iov_len += size;
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
  Page* page = &last_page();
  if (page->end == segments_a_page) page = &add_page();
  page->borrowed |= std::uint32_t{1} << page->end;
  page->segments[page->end++] = segment(bytes.data(), bytes.size());
  first_->whole.size += bytes.size();
  first_->whole.borrows = true;
}

std::size_t Outbox::size() const { return empty() ? 0 : first_->whole.size; }

std::error_code Outbox::flush(Transport& transport) {
  while (first_ != nullptr) {
    const std::size_t waiting = first_->whole.size;
    Offer offer{first_->unsent(), waiting};
    if (first_->next_page() != nullptr) offer = gather();
    Result<std::size_t> taken = transport.write(offer.parts);
    if (!taken) {
      clear();
      return taken.error();
    }
    if (*taken == waiting) {
      clear();
      break;
    }
    consume(*taken);
    if (*taken < offer.bytes) {
      own_what_is_left();
      break;
    }
  }
  return {};
}

// What lies in several pages, as far as one call takes it. Valid until the thread's next gather().
Outbox::Offer Outbox::gather() const {
  thread_local std::array<iovec, parts_max> parts;
  Offer offer;
  std::size_t count = 0;
  for (const Page* page = first_; page != nullptr && count < parts_max; page = page->next_page()) {
    for (const iovec& part : page->unsent()) {
      if (count == parts_max) break;
      parts[count++] = part;
      offer.bytes += part.iov_len;
    }
  }
  offer.parts = {parts.data(), count};
  return offer;
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
    iovec& next = first_->segments[first_->first];
    if (bytes < next.iov_len) {
      next = segment(bytes_of(next).data() + bytes, next.iov_len - bytes);
      return;
    }
    bytes -= next.iov_len;
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
  Page* before = nullptr;
  Page* page = first_;
  while (page != nullptr && (page->borrowed >> page->first) == 0) before = std::exchange(page, page->next_page());
  if (page == nullptr) return;

  Outbox rest(*blocks_);
  for (Page* from = page; from != nullptr; from = from->next_page()) {
    for (const iovec& part : from->unsent()) rest.copy(bytes_of(part));
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
