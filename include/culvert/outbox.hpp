// What one transport still has to send. Empty, it is one pointer; with something in it, it borrows blocks.
//
// Within a turn bytes may be borrowed (bodies that lie in the loop's scratch buffer); flush() sends everything in one
// gather-send and copies what the kernel refused, so that afterwards nothing is borrowed any more.
#pragma once
#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <system_error>

#include "culvert/bytes.hpp"
#include "culvert/transport.hpp"

namespace culvert {
class BlockPool;
}

namespace culvert::net {

class Outbox {
 public:
  // Pieces below this are copied even where they could be borrowed: cheaper than one more entry of a gather-send.
  static constexpr std::size_t borrow_min = 512;

  explicit Outbox(BlockPool& blocks) : blocks_(&blocks) {}
  Outbox(Outbox&& other) noexcept;
  Outbox& operator=(Outbox&& other) noexcept;
  ~Outbox() { clear(); }

  void copy(Bytes bytes);     // heads, chunk lines, write() from user code
  void borrow(Bytes bytes);   // valid until the next flush()

  bool empty() const { return first_ == nullptr; }
  std::size_t size() const;   // bytes that wait
  // Sends what it can. What is left afterwards belongs to the outbox; after an error (the transport's) nothing is left.
  std::error_code flush(Transport& transport);
  void clear();

 private:
  struct Page;
  struct Offer {
    std::span<const iovec> parts;
    std::size_t bytes = 0;
  };
  Offer gather() const;
  Page& last_page();
  Page& add_page();
  void consume(std::size_t bytes);
  void own_what_is_left();

  BlockPool* blocks_;
  Page* first_ = nullptr;
};

}  // namespace culvert::net
