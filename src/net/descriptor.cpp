#include "net/descriptor.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include "net/epoll_loop.hpp"

namespace culvert::net {

Descriptor::~Descriptor() {
  loop_.drop_events_of(*this);
  // Closing takes it out of the set, unless the open file lives on in another descriptor.
  if (use_ == Use::shared && in_set_) leave_set();
  close(fd_);
}

void Descriptor::attach(Watcher& watcher) {
  watcher_ = &watcher;
  quiet_ = false;
  want({});
}

void Descriptor::apply_later() {
  if (!linked()) loop_.changed_.push_back(*this);
}

void Descriptor::apply() {
  if (!differs()) return;
  if (use_ == Use::shared && in_set_) {  // such an entry cannot be modified
    quiet_ = true;
    return leave_set();
  }
  epoll_event event{.events = (wanted_.read ? EPOLLIN : 0U) | (wanted_.write ? EPOLLOUT : 0U), .data = {.ptr = this}};
  if (use_ == Use::shared) event.events |= EPOLLEXCLUSIVE;
  const int operation = in_set_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  told_ = wanted_;
  in_set_ = true;
  quiet_ = false;
  if (epoll_ctl(loop_.set_, operation, fd_, &event) == 0) return;
  in_set_ = false;  // the kernel has no room for another entry
  quiet_ = true;
  watcher_->on_ready({.broken = true});
}

void Descriptor::leave_set() {
  epoll_ctl(loop_.set_, EPOLL_CTL_DEL, fd_, nullptr);
  in_set_ = false;
}

void Descriptor::become_ready(std::uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const Ready ready{.readable = wanted_.read && (broken || (events & EPOLLIN) != 0),
                    .writable = wanted_.write && (broken || (events & EPOLLOUT) != 0),
                    .broken = broken};
  if (!ready.readable && !ready.writable) {
    if (!broken) return;
    // The kernel would repeat it in every turn: once is enough for an owner that wants nothing.
    quiet_ = true;
    leave_set();
  }
  watcher_->on_ready(ready);
}

}  // namespace culvert::net
