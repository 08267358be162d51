// Event<Args...>: Node's EventEmitter as one typed member an event.
//
//   server.on_request([&](IncomingMessage& req, ServerResponse& res) { ... });   server.on('request', ...)
//
// A listener of up to two words (a lambda that captures `this`, say) is stored inline, so that registering and
// emitting cost no allocation; larger ones live on the heap. Not for use from several threads.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace culvert {

// A callable with a small place of its own. Moves, does not copy; empty after a move.
template <class Signature>
class Delegate;

template <class... Args>
class Delegate<void(Args...)> {
 public:
  Delegate() = default;
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Delegate> && std::is_invocable_v<F&, Args...>)
  Delegate(F&& callable) {  // NOLINT: meant to convert
    using Callable = std::remove_cvref_t<F>;
    if constexpr (sizeof(Callable) <= sizeof(place_) && std::is_trivially_copyable_v<Callable>) {
      ::new (static_cast<void*>(place_)) Callable(std::forward<F>(callable));
      ops_ = &small_ops<Callable>;
    } else {
      ::new (static_cast<void*>(place_)) Callable*(new Callable(std::forward<F>(callable)));
      ops_ = &large_ops<Callable>;
    }
  }
  Delegate(Delegate&& other) noexcept : ops_(std::exchange(other.ops_, nullptr)) {
    place_[0] = other.place_[0];
    place_[1] = other.place_[1];
  }
  Delegate& operator=(Delegate&& other) noexcept {
    if (this != &other) {
      clear();
      fill(std::move(other));
    }
    return *this;
  }
  ~Delegate() { clear(); }

  // Assignment to an empty one.
  void fill(Delegate&& other) {
    ops_ = std::exchange(other.ops_, nullptr);
    place_[0] = other.place_[0];
    place_[1] = other.place_[1];
  }

  explicit operator bool() const { return ops_ != nullptr; }
  void operator()(Args... args) { ops_->invoke(place_, std::forward<Args>(args)...); }
  void clear() {
    if (ops_ != nullptr && ops_->destroy != nullptr) ops_->destroy(place_);
    ops_ = nullptr;
  }

 private:
  struct Ops {
    void (*invoke)(void*, Args&&...);
    void (*destroy)(void*);  // null where there is nothing to destroy
  };
  template <class Callable>
  static constexpr Ops small_ops{
      [](void* place, Args&&... args) {
        (*std::launder(static_cast<Callable*>(place)))(std::forward<Args>(args)...);
      },
      nullptr};
  template <class Callable>
  static constexpr Ops large_ops{
      [](void* place, Args&&... args) { (**static_cast<Callable**>(place))(std::forward<Args>(args)...); },
      [](void* place) { delete *static_cast<Callable**>(place); }};

  const Ops* ops_ = nullptr;
  void* place_[2] = {};
};

using ListenerId = std::uint32_t;

// emit() works on the list as it was when the emission began: a listener added meanwhile waits for the next one, a
// listener removed meanwhile is not called any more. Listeners are called in the order of registration.
template <class... Args>
class Event {
 public:
  using Listener = Delegate<void(Args...)>;

  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // on(): the listener is called at every emission until off() with the number returned here.
  template <class F>
  ListenerId operator()(F&& listener) {
    return add(Listener(std::forward<F>(listener)), false);
  }
  template <class F>
  ListenerId once(F&& listener) {
    return add(Listener(std::forward<F>(listener)), true);
  }
  void off(ListenerId id) {
    if (first_.id == id) return remove(first_);
    if (more_) {
      for (auto& entry : more_->entries) {
        if (entry->id == id) return remove(*entry);
      }
    }
  }
  void off_all() {
    remove(first_);
    if (more_) {
      for (auto& entry : more_->entries) remove(*entry);
    }
  }
  std::size_t listener_count() const { return count_; }

  void emit(Args... args) {
    if (count_ != 0) call_all(std::forward<Args>(args)...);
  }

 private:
  void call_all(Args... args) {
    const ListenerId end = next_;
    const std::size_t late = more_ ? more_->entries.size() : 0;
    ++depth_;
    call(first_, end, args...);
    for (std::size_t i = 0; i < late; ++i) call(*more_->entries[i], end, args...);
    if (--depth_ == 0 && more_) sweep();
  }

  struct Entry {
    Listener listener;
    ListenerId id = 0;  // 0: nobody
    bool once = false;
    bool removed = false;
    std::uint8_t running = 0;  // its code is on the stack: it may take itself off, but is destroyed only afterwards
  };
  struct More {
    std::vector<std::unique_ptr<Entry>> entries;  // addresses stay while the vector grows
  };

  ListenerId add(Listener&& listener, bool once) {
    Entry& entry = next_ == 1 ? first_ : free_entry();  // the first one is nearly always the only one
    entry.listener.fill(std::move(listener));
    entry.id = next_++;
    entry.once = once;
    entry.removed = false;
    ++count_;
    return entry.id;
  }
  Entry& free_entry() {
    if (first_.id == 0 && first_.running == 0 && (!more_ || more_->entries.empty())) return first_;
    if (!more_) more_ = std::make_unique<More>();
    return *more_->entries.emplace_back(std::make_unique<Entry>());
  }
  void remove(Entry& entry) {
    if (entry.id == 0) return;
    entry.id = 0;
    --count_;
    if (entry.running > 0) {
      entry.removed = true;
    } else {
      entry.listener.clear();
    }
    if (depth_ == 0 && more_) sweep();
  }
  void call(Entry& entry, ListenerId end, Args... args) {
    if (entry.id == 0 || entry.id >= end) return;
    ++entry.running;
    if (entry.once) remove(entry);
    entry.listener(std::forward<Args>(args)...);
    if (--entry.running == 0 && entry.removed) {
      entry.listener.clear();
      entry.removed = false;
    }
  }
  void sweep() {
    std::erase_if(more_->entries, [](const auto& entry) { return entry->id == 0 && entry->running == 0; });
  }

  Entry first_;
  std::unique_ptr<More> more_;
  ListenerId next_ = 1;
  std::uint16_t count_ = 0;
  std::uint16_t depth_ = 0;
};

// An event that few listen to: one pointer until somebody does.
template <class... Args>
class RareEvent {
 public:
  template <class F>
  ListenerId operator()(F&& listener) {
    return made()(std::forward<F>(listener));
  }
  template <class F>
  ListenerId once(F&& listener) {
    return made().once(std::forward<F>(listener));
  }
  void off(ListenerId id) {
    if (event_) event_->off(id);
  }
  void off_all() {
    if (event_) event_->off_all();
  }
  std::size_t listener_count() const { return event_ ? event_->listener_count() : 0; }
  void emit(Args... args) {
    if (event_) event_->emit(std::forward<Args>(args)...);
  }

 private:
  Event<Args...>& made() {
    if (!event_) event_ = std::make_unique<Event<Args...>>();
    return *event_;
  }
  std::unique_ptr<Event<Args...>> event_;
};

}  // namespace culvert
