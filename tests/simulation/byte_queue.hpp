// Bytes that wait, of which the first are taken piece by piece. Taking costs nothing for those that stay.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace culvert::simulation {

class ByteQueue {
 public:
  void operator+=(std::string_view bytes) {
    if (taken_ >= bytes_.size() / 2) bytes_.erase(0, std::exchange(taken_, 0));
    bytes_ += bytes;
  }
  std::string take(std::size_t most) {
    std::string part = bytes_.substr(taken_, most);
    skip(part.size());
    return part;
  }
  void skip(std::size_t count) { taken_ += count; }
  void clear() { bytes_.clear(), taken_ = 0; }
  std::string_view view() const { return std::string_view(bytes_).substr(taken_); }
  std::size_t size() const { return bytes_.size() - taken_; }
  bool empty() const { return size() == 0; }

 private:
  std::string bytes_;
  std::size_t taken_ = 0;
};

}  // namespace culvert::simulation
