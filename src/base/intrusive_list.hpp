// A list whose links live in its elements: no allocation, O(1) in and out, and an element leaves when it dies.
#pragma once
#include "culvert/loop.hpp"

namespace culvert {

template <class T>  // T derives from ListHook
class IntrusiveList {
 public:
  IntrusiveList() { head_.next_ = head_.previous_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) front().unlink();
    head_.next_ = head_.previous_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T& front() { return static_cast<T&>(*head_.next_); }
  T& back() { return static_cast<T&>(*head_.previous_); }
  void push_back(T& element) { insert_before(head_, element); }
  void push_front(T& element) { insert_before(*head_.next_, element); }
  // Takes all elements of `other`, in order, behind those here.
  void splice_back(IntrusiveList& other) {
    while (!other.empty()) {
      T& element = other.front();
      element.unlink();
      push_back(element);
    }
  }
  // Calls visit(element) for each; the visitor may unlink or destroy the element it is given, and no other.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (ListHook* hook = head_.next_; hook != &head_;) {
      ListHook* next = hook->next_;
      visit(static_cast<T&>(*hook));
      hook = next;
    }
  }

 private:
  static void insert_before(ListHook& where, ListHook& element) {
    element.next_ = &where;
    element.previous_ = where.previous_;
    where.previous_->next_ = &element;
    where.previous_ = &element;
  }
  ListHook head_;
};

}  // namespace culvert
