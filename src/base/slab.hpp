// Storage for objects of one type, kept for reuse by one thread: in steady state making one costs no malloc.
#pragma once
#include <cassert>
#include <cstddef>
#include <new>
#include <utility>

namespace culvert {

template <class T>
class Slab {
 public:
  // Up to `kept_max` free places are kept; more go back to the system.
  explicit Slab(std::size_t kept_max = 1024) : kept_max_(kept_max) {}
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    assert(in_use_ == 0);
    while (free_ != nullptr) release(std::exchange(free_, free_->next));
  }

  template <class... Args>
  T* make(Args&&... args) {
    void* place = take();
    ++in_use_;
    return ::new (place) T(std::forward<Args>(args)...);
  }
  void destroy(T* object) {
    object->~T();
    --in_use_;
    if (kept_ >= kept_max_) return release(object);
    free_ = ::new (static_cast<void*>(object)) Place{free_};
    ++kept_;
  }

  void keep_at_most(std::size_t most) {
    kept_max_ = most;
    for (; kept_ > kept_max_; --kept_) release(std::exchange(free_, free_->next));
  }

  std::size_t in_use() const { return in_use_; }
  std::size_t bytes_in_use() const { return in_use_ * sizeof(T); }
  std::size_t kept() const { return kept_; }

 private:
  struct Place {
    Place* next;
  };
  static_assert(sizeof(T) >= sizeof(Place) && alignof(T) >= alignof(Place), "too small for a slab");
  static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

  void* take() {
    if (free_ == nullptr) return ::operator new(sizeof(T));
    --kept_;
    return std::exchange(free_, free_->next);
  }
  static void release(void* place) { ::operator delete(place); }

  Place* free_ = nullptr;
  std::size_t kept_ = 0;
  std::size_t in_use_ = 0;
  std::size_t kept_max_;
};

}  // namespace culvert
