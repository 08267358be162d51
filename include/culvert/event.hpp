// Event<Args...>: Node's EventEmitter as one typed member an event.
//
//   server.on_request([&](IncomingMessage& req, ServerResponse& res) { ... });   server.on('request', ...)
//
// The only listener, if it captures no more than two words, is stored inline: registering and emitting cost no
// allocation. More or larger ones live on the heap. Not for use from several threads.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace culvert {

template <class Signature>
class Delegate;

// A callable with a small place of its own. Moves, does not copy; empty after a move.
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
  Delegate(Delegate&& other) noexcept { fill(std::move(other)); }
  Delegate& operator=(Delegate&& other) noexcept {
    if (this != &other) {
      clear();
      fill(std::move(other));
    }
    return *this;
  }
  ~Delegate() { clear(); }

  explicit operator bool() const { return ops_ != nullptr; }  // there is something to call
  // Not where it is empty.
  void operator()(Args... args) { ops_->invoke(place_, std::forward<Args>(args)...); }
  // Destroys the callable.
  void clear() {
    if (ops_ != nullptr && ops_->destroy != nullptr) ops_->destroy(place_);
    ops_ = nullptr;
  }

 private:
  void fill(Delegate&& other) {
    ops_ = std::exchange(other.ops_, nullptr);
    std::memcpy(place_, other.place_, sizeof place_);
  }

  struct Ops {
    void (*invoke)(void*, Args&&...);
    void (*destroy)(void*);  // null where there is nothing to destroy
  };
  template <class Callable>
  static constexpr Ops small_ops{
      [](void* place, Args&&... args) { (*std::launder(static_cast<Callable*>(place)))(std::forward<Args>(args)...); },
      nullptr};
  template <class Callable>
  static constexpr Ops large_ops{[](void* place, Args&&... args) {
                                   (**std::launder(static_cast<Callable**>(place)))(std::forward<Args>(args)...);
                                 },
                                 [](void* place) { delete *std::launder(static_cast<Callable**>(place)); }};

  const Ops* ops_ = nullptr;
  alignas(void*) std::byte place_[2 * sizeof(void*)] = {};
};

using ListenerId = std::uint32_t;  // of one event; never 0

// emit() works on the list as it was when the emission began: a listener added meanwhile waits for the next one, a
// listener removed meanwhile is not called any more. Listeners are called in the order of registration.
//
// Nearly every event has one listener, which captures `this` and no more. Such a one lies in the event itself and is
// called with a copy of its captures, so that it may take itself off, or end the event's owner, and nothing has to be
// kept track of. All else is a list.
template <class... Args>
class Event {
 public:
  using Listener = Delegate<void(Args...)>;  // what a callable becomes

  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // on(): the listener is called at every emission until off() with the number returned here.
  template <class F>
  ListenerId operator()(F&& listener) {
    using Callable = std::remove_cvref_t<F>;
    if constexpr (sizeof(Callable) <= sizeof(Captures) && std::is_trivially_copyable_v<Callable> &&
                  std::is_invocable_v<const Callable&, Args...>) {
      if (invoke_ == nullptr && !list_) {
        std::memcpy(&captures_, std::addressof(listener), sizeof(Callable));
        invoke_ = [](Captures captures, Args&&... args) {
          alignas(Callable) std::byte place[sizeof(Callable)];
          std::memcpy(place, &captures, sizeof(Callable));
          (*std::launder(reinterpret_cast<const Callable*>(place)))(std::forward<Args>(args)...);
        };
        return only_ = ++last_;
      }
    }
    return list().add(Listener(std::forward<F>(listener)), ++last_, false);
  }
  // The listener is called at the next emission only.
  template <class F>
  ListenerId once(F&& listener) {
    return list().add(Listener(std::forward<F>(listener)), ++last_, true);
  }
  // Nothing where it is not registered any more. A listener may take itself off.
  void off(ListenerId id) {
    if (list_) return list_->off(id);
    if (only_ == id) invoke_ = nullptr;
  }
  // Every listener.
  void off_all() {
    invoke_ = nullptr;
    if (list_) list_->off_all();
  }
  // Many rules depend on whether there are any.
  std::size_t listener_count() const { return list_ ? list_->count : invoke_ != nullptr; }

  // For whoever owns the event.
  void emit(Args... args) {
    if (invoke_ != nullptr) return invoke_(captures_, std::forward<Args>(args)...);
    if (list_) list_->emit(last_, std::forward<Args>(args)...);
  }

 private:
  struct Captures {
    void* words[2];
  };
  struct Entry {
    Listener listener;
    ListenerId id = 0;  // 0: taken off; destroyed when no emission is under way
    bool once = false;
  };
  struct List {
    std::vector<std::unique_ptr<Entry>> entries;  // addresses stay while the vector grows
    std::size_t count = 0;
    std::size_t depth = 0;

    ListenerId add(Listener&& listener, ListenerId id, bool once) {
      ++count;
      entries.push_back(std::make_unique<Entry>(Entry{std::move(listener), id, once}));
      return id;
    }
    void off(ListenerId id) {
      for (auto& entry : entries) {
        if (entry->id == id) return remove(*entry);
      }
    }
    void off_all() {
      for (std::size_t i = entries.size(); i-- > 0;) remove(*entries[i]);
    }
    void remove(Entry& entry) {
      if (entry.id == 0) return;
      entry.id = 0;
      --count;
      if (depth == 0) sweep();
    }
    void sweep() {
      std::erase_if(entries, [](const auto& entry) { return entry->id == 0; });
    }
    void emit(ListenerId last, Args... args) {
      ++depth;
      for (std::size_t i = 0, size = entries.size(); i < size; ++i) {
        Entry& entry = *entries[i];
        if (entry.id == 0 || entry.id > last) continue;
        if (entry.once) remove(entry);
        entry.listener(args...);
      }
      if (--depth == 0) sweep();
    }
  };

  List& list() {
    if (!list_) {
      list_ = std::make_unique<List>();
      if (invoke_ != nullptr) {
        list_->add(
            [invoke = invoke_, captures = captures_](Args... args) { invoke(captures, std::forward<Args>(args)...); },
            only_, false);
        invoke_ = nullptr;
      }
    }
    return *list_;
  }

  void (*invoke_)(Captures, Args&&...) = nullptr;  // the only listener, where it lies here
  std::unique_ptr<List> list_;
  ListenerId only_ = 0;  // its number
  ListenerId last_ = 0;  // the last one given
  Captures captures_;
};

// An event that few listen to: one pointer until somebody does.
template <class... Args>
class RareEvent {
 public:
  // As those of Event.
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
