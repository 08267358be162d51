// Shared ownership within one thread: the count lives in the object and is no atomic.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace culvert {

// Base of what Ref<T> counts. Needs no virtual destructor: Ref deletes the type that it names.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

 protected:
  ~RefCounted() = default;

 private:
  template <class T>
  friend class Ref;
  mutable std::uint32_t references_ = 0;
};

template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}                                // NOLINT: meant to convert
  explicit Ref(T* object) : object_(object) { hold(); }
  Ref(const Ref& other) : object_(other.object_) { hold(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && --static_cast<const RefCounted*>(object_)->references_ == 0) destroy(object_);
  }

  // For owners that are no Ref: the reference goes on, until take_over() makes a Ref of it again.
  T* release() { return std::exchange(object_, nullptr); }
  static Ref take_over(T* released) {
    Ref ref;
    ref.object_ = released;
    return ref;
  }

  // Whether the object goes when this reference does.
  bool is_last() const { return object_ != nullptr && static_cast<const RefCounted*>(object_)->references_ == 1; }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const Ref& other) const { return object_ == other.object_; }

 private:
  // Out of line, for it is rare, and g++ 12 warns of a use after it where two references die in one function.
  [[gnu::noinline]] static void destroy(T* object) { delete object; }
  void hold() const {
    if (object_ != nullptr) ++static_cast<const RefCounted*>(object_)->references_;
  }
  T* object_ = nullptr;
};

template <class T, class... Args>
Ref<T> make_ref(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace culvert
