#include "proxy/hello_peek.hpp"

#include <utility>

#include "culvert/error.hpp"

namespace culvert::proxy {

HelloPeek::HelloPeek(Loop& loop, Owner& owner, BareStream client, std::chrono::milliseconds timeout)
    : loop_(loop), owner_(owner), client_(std::move(client)) {
  if (timeout.count() != 0) runs_out_ = loop.now() + timeout;
}

HelloPeek::~HelloPeek() { loop_.forget(due_); }

void HelloPeek::start(Bytes first) {
  client_.stream->attach(*this);
  loop_.ask_at(due_, runs_out_);
  if (flush() && !first.empty()) read(first);
}

BareStream HelloPeek::take_stream() {
  loop_.forget(due_);
  return std::move(client_);
}

void HelloPeek::on_ready(Ready ready) noexcept {
  if (ready.writable && !flush()) return;
  if (!ready.readable && !ready.broken) return;
  Result<Bytes> got = client_.stream->read();
  got ? read(*got) : owner_.on_hello(got.error());
}

TimePoint HelloPeek::on_due(TimePoint now) noexcept {
  if (runs_out_ > now) return runs_out_;
  owner_.on_hello(errc::timed_out);
  return never;
}

// What was written before the stream came here. Whether it goes on.
bool HelloPeek::flush() {
  if (const std::error_code error = client_.unsent.flush(*client_.stream)) return owner_.on_hello(error), false;
  client_.stream->want({.read = true, .write = !client_.unsent.empty()});
  return true;
}

void HelloPeek::read(Bytes bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  Result<bool> is_complete = reader_.read(bytes);
  if (!is_complete || *is_complete) owner_.on_hello(is_complete.error());
}

Reason hello_failure(std::error_code error) {
  if (error.category() == wire::preface_category()) return Reason::tls_hello_malformed;
  return error == errc::timed_out ? Reason::tls_hello_timeout : Reason::client_aborted;
}

}  // namespace culvert::proxy
