#include "net/socket_pump.hpp"

#include <algorithm>
#include <utility>

#include "net/awaited_transport.hpp"

namespace culvert {

Socket::Pump::Pump(Socket& socket) : socket_(socket) {
  loop().ref();
  socket_.transport_->attach(*this);
  socket_.stamp();
  update_interest();
  ask();
  touched();  // what was written before
}

Socket::Pump::~Pump() {
  unpipe();
  if (source_ != nullptr) source_->pump_->unpipe();
  if (!close_told_) loop().unref();
}

void Socket::Pump::pipe_to(Socket& sink) {
  unpipe();
  sink_ = &sink;
  sink.pump_->source_ = &socket_;
  update_interest();
}

void Socket::Pump::unpipe() {
  if (sink_ == nullptr) return;
  sink_->pump_->source_ = nullptr;
  sink_ = nullptr;
  sink_full_ = false;
}

// ---- the connection ---------------------------------------------------------------------------------------------------

void Socket::Pump::dial(Network& network, Resolver& resolver, const Address& address, const ConnectOptions& options,
                        const LookupOptions& lookup) {
  dial_ = std::make_unique<Dial>(Dial{.network = network, .options = options});
  if (address.kind != Address::Kind::name) return try_address(address);
  dial_->lookup = resolver.resolve(loop(), address.text, address.port, lookup, [this](Result<Endpoints> found) {
    if (!found) return destroy(found.error());
    dial_->untried = std::move(*found);
    std::ranges::reverse(dial_->untried);
    try_next();
  });
}

void Socket::Pump::try_next() {
  const Endpoint next = dial_->untried.back();
  dial_->untried.pop_back();
  try_address(Address::of(next));
}

void Socket::Pump::try_address(const Address& address) {
  Result<std::unique_ptr<Transport>> stream = dial_->network.connect(address, dial_->options);
  if (!stream) return dial_->untried.empty() ? destroy(stream.error()) : try_next();
  socket_.transport_ = std::move(*stream);
  socket_.transport_->attach(*this);
  socket_.transport_->want({.read = false, .write = true});
}

void Socket::Pump::dialled(Ready ready) {
  if (!ready.writable && !ready.broken) return;
  if (const std::error_code error = socket_.transport_->take_error()) {
    return dial_->untried.empty() ? destroy(error) : try_next();
  }
  dial_.reset();
  socket_.stamp();
  socket_.on_connect.emit();
  on_flush();
}

// ---- the loop's ways in -------------------------------------------------------------------------------------------

void Socket::Pump::on_ready(Ready ready) noexcept {
  if (connecting()) return dialled(ready);
  if (ready.writable) {
    on_flush();
    if (socket_.destroyed()) return;
  }
  if (ready.readable) return read();
  if (!ready.broken) return;
  const std::error_code error = socket_.transport_->take_error();
  if (error || !has_reader()) destroy(error);  // else both sides have ended in order, and what came is still to be read
}

void Socket::Pump::on_flush() noexcept {
  if (socket_.destroyed()) return;
  net::Outbox& box = socket_.outbox_;
  if (connecting()) {
    net::AwaitedTransport nobody;
    (void)box.flush(nobody);  // what was borrowed is copied
  } else if (!box.empty()) {
    if (const std::error_code error = box.flush(*socket_.transport_)) return destroy(error);
    socket_.stamp();
  }
  if (source_ != nullptr) {
    Pump& from = *source_->pump_;
    from.sink_full_ = !box.empty();
    from.update_interest();
  }
  if (box.empty() && !connecting()) {
    if (socket_.ended_ && !std::exchange(fin_sent_, true)) {
      if (const std::error_code error = socket_.transport_->shutdown_write()) return destroy(error);
      close_when_both_ended();
    } else if (std::exchange(socket_.need_drain_, false)) {
      socket_.on_drain.emit();
    }
  }
  update_interest();
}

TimePoint Socket::Pump::on_due(TimePoint now) noexcept {
  const TimePoint limit = socket_.times_out_at();
  if (limit > now) return limit;
  socket_.tell_timeout();
  return socket_.destroyed() ? never : socket_.times_out_at();
}

void Socket::Pump::on_deferred() noexcept {
  if (peer_ended_ && !std::exchange(end_told_, true)) {
    const bool somebody_minds = socket_.on_end.listener_count() > 0;
    socket_.on_end.emit();
    if (sink_ != nullptr) {
      sink_->end();
    } else if (!somebody_minds) {
      socket_.end();  // nobody knows that it is time to finish
    }
  }
  if (!socket_.destroyed()) return close_when_both_ended();
  if (std::exchange(close_told_, true)) return;
  loop().unref();
  socket_.tell_close();
  loop().let_go(socket_);
}

// ---- bytes in, and the end ------------------------------------------------------------------------------------------

void Socket::Pump::read() {
  Result<Bytes> got = socket_.transport_->read();
  if (!got) {
    if (got.error() == errc::end_of_stream) return peer_ended();
    return destroy(got.error());
  }
  if (got->empty()) return;
  socket_.stamp();
  if (sink_ != nullptr && sink_->writable()) {
    sink_->outbox_.borrow(*got);
    sink_->pump_->touched();
  }
  socket_.on_data.emit(*got);
}

void Socket::Pump::peer_ended() {
  peer_ended_ = true;
  update_interest();
  loop().defer(later_);
}

void Socket::Pump::close_when_both_ended() {
  if (peer_ended_ && fin_sent_) destroy({});
}

void Socket::Pump::destroy(std::error_code reason) {
  if (socket_.destroyed()) return;
  socket_.close_transport(reason);
  dial_.reset();
  loop().forget(due_);
  sender_.unlink();
  loop().defer(later_);
  if (sink_ != nullptr && !end_told_) sink_->end();
  if (source_ != nullptr) source_->destroy();
}

bool Socket::Pump::has_reader() const { return sink_ != nullptr || socket_.on_data.listener_count() > 0; }

bool Socket::Pump::flows() const { return !socket_.paused_ && !sink_full_ && has_reader(); }

void Socket::Pump::update_interest() {
  if (socket_.destroyed() || connecting()) return;
  socket_.transport_->want({.read = !peer_ended_ && flows(), .write = !socket_.outbox_.empty()});
}

}  // namespace culvert
