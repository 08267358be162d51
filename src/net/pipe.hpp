// A kernel pipe through which bytes go from one descriptor to another without coming to us (splice). Those that are not
// in use wait in the worker's PipePool.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "culvert/error.hpp"

namespace culvert::net {

class Pipe {
 public:
  static std::unique_ptr<Pipe> open();  // null where there is no descriptor left
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  // Takes in what `from` has and there is room for; 0: nothing now. errc::end_of_stream: `from` has ended.
  Result<std::size_t> fill(int from);
  // Gives `to` as much as it takes.
  Result<std::size_t> drain(int to);
  std::size_t filled() const { return filled_; }

 private:
  Pipe(int out, int in) : out_(out), in_(in) {}

  const int out_;
  const int in_;
  std::size_t filled_ = 0;
};

class PipePool {
 public:
  std::unique_ptr<Pipe> borrow();
  void give_back(std::unique_ptr<Pipe> pipe);

 private:
  std::vector<std::unique_ptr<Pipe>> idle_;
};

}  // namespace culvert::net
