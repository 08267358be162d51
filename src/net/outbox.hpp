// What one transport still has to send. Empty, it is one pointer; with something in it, it borrows blocks from the loop.
//
// Within a turn bytes may be borrowed (bodies that lie in the loop's scratch buffer); flush() sends everything in one
// gather-send and copies what the kernel refused, so that afterwards nothing is borrowed any more.
#pragma once
#include <cstddef>
#include <memory>
#include <system_error>

#include "base/block_pool.hpp"
#include "culvert/bytes.hpp"
#include "culvert/socket.hpp"

namespace culvert::net {

class Outbox {
 public:
  explicit Outbox(BlockPool& blocks);
  Outbox(Outbox&& other) noexcept;
  Outbox& operator=(Outbox&& other) noexcept;
  ~Outbox();

  void copy(Bytes bytes);     // heads, chunk lines, write() from user code
  void borrow(Bytes bytes);   // valid until the next flush(); small pieces are copied at once
  // `bytes` of contiguous room to write into; used() says how many of them were. Nothing else in between.
  std::byte* reserve(std::size_t bytes);  // at most Block::capacity()
  void used(std::size_t bytes);

  bool empty() const { return queue_ == nullptr; }
  std::size_t size() const;   // bytes that wait
  // Sends what it can. What is left afterwards belongs to the outbox; an error is the transport's.
  std::error_code flush(Transport& transport);
  void clear();

 private:
  struct Queue;
  void open();
  void release();
  BlockPool* blocks_;
  Queue* queue_ = nullptr;
};

}  // namespace culvert::net
