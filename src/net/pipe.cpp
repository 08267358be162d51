#include "net/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace culvert::net {

namespace {

// What an unprivileged user may have in all pipes together is 64 MiB; the kernel gives less to those beyond it.
constexpr int capacity = 256 * 1024;
constexpr std::size_t idle_most = 8;

// EAGAIN counts as nothing moved.
Result<std::size_t> move(int from, int to, std::size_t most) {
  ssize_t moved = 0;
  do {
    moved = splice(from, nullptr, to, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (moved < 0 && errno == EINTR);
  if (moved > 0) return static_cast<std::size_t>(moved);
  if (moved == 0) return errc::end_of_stream;
  if (errno == EAGAIN) return std::size_t{0};
  return std::error_code(errno, std::system_category());
}

}  // namespace

std::unique_ptr<Pipe> Pipe::open() {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  (void)fcntl(ends[1], F_SETPIPE_SZ, capacity);  // else it has the usual one
  return std::unique_ptr<Pipe>(new Pipe(ends[0], ends[1]));
}

Pipe::~Pipe() {
  close(out_);
  close(in_);
}

Result<std::size_t> Pipe::fill(int from) {
  Result<std::size_t> moved = move(from, in_, capacity);
  if (moved) filled_ += *moved;
  return moved;
}

Result<std::size_t> Pipe::drain(int to) {
  Result<std::size_t> moved = move(out_, to, filled_);
  if (moved) filled_ -= *moved;
  return moved;
}

std::unique_ptr<Pipe> PipePool::borrow() {
  if (idle_.empty()) return Pipe::open();
  std::unique_ptr<Pipe> pipe = std::move(idle_.back());
  idle_.pop_back();
  return pipe;
}

void PipePool::give_back(std::unique_ptr<Pipe> pipe) {
  if (pipe->filled() == 0 && idle_.size() < idle_most) idle_.push_back(std::move(pipe));
}

}  // namespace culvert::net
