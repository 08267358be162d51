#include "culvert/socket.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "net/awaited_transport.hpp"
#include "net/socket_pump.hpp"

namespace culvert {

Socket::Socket(Loop& loop, std::unique_ptr<Transport> transport, Driver* driver)
    : loop_(loop), transport_(std::move(transport)), outbox_(loop.blocks()), driver_(driver), active_at_(loop.now()) {}

Socket::~Socket() = default;

bool Socket::write(Bytes bytes) {
  if (!writable()) return false;
  outbox_.copy(bytes);
  driver_->touched();
  need_drain_ = outbox_.size() >= high_water_mark_;
  return !need_drain_;
}

void Socket::end() {
  if (!writable()) return;
  ended_ = true;
  driver_->touched();
}

void Socket::end(std::string_view last) {
  write(last);
  end();
}

void Socket::destroy(std::error_code reason) {
  if (!destroyed()) driver_->destroy(reason);
}

BareStream Socket::detach() {
  pump_.reset();
  return {std::move(transport_), std::move(outbox_)};
}

void Socket::close_transport(std::error_code reason) {
  failure_ = reason;
  transport_.reset();
  outbox_.clear();
}

void Socket::tell_close() {
  if (failure_) on_error.emit(failure_);
  on_close.emit();
}

Socket& Socket::set_timeout(milliseconds limit) {
  timeout_ = limit;
  stamp();
  driver_->timeout_changed();
  return *this;
}

Socket& Socket::set_timeout(milliseconds limit, Delegate<void()> listener) {
  on_timeout.once(std::move(listener));
  return set_timeout(limit);
}

void Socket::tell_timeout() {
  timeout_told_ = true;
  on_timeout.emit();
}

Socket& Socket::set_no_delay(bool on) {
  if (transport_ != nullptr) transport_->set_no_delay(on);
  return *this;
}

Socket& Socket::set_keep_alive(bool on, milliseconds initial_delay) {
  const auto seconds = on ? static_cast<std::int32_t>((initial_delay.count() + 999) / 1000) : -1;
  if (transport_ != nullptr && std::exchange(probes_after_s_, seconds) != seconds) {
    transport_->set_keep_alive(on, std::max(seconds, 0));
  }
  return *this;
}

void Socket::agent_remove() { driver_->leave_agent(); }

void Socket::pause() {
  paused_ = true;
  driver_->flow_changed();
}

void Socket::resume() {
  paused_ = false;
  driver_->flow_changed();
}

void Socket::pipe(Socket& to) {
  assert(pump_ != nullptr && to.pump_ != nullptr);
  pump_->pipe_to(to);
}

void Socket::stand_alone() {
  pump_ = std::make_unique<Pump>(*this);
  driver_ = pump_.get();
}

bool Socket::connecting() const { return pump_ != nullptr && pump_->connecting(); }

std::unique_ptr<Socket> Socket::dial(Loop& loop, Network& network, Resolver& resolver, const Address& address,
                                     const ConnectOptions& options, const LookupOptions& lookup) {
  auto socket = std::make_unique<Socket>(loop, std::make_unique<net::AwaitedTransport>(), nullptr);
  socket->stand_alone();
  socket->pump_->dial(network, resolver, address, options, lookup);
  return socket;
}

Socket& Socket::let_live(std::unique_ptr<Socket> socket) {
  Socket& living = *socket;
  living.loop_.keep(std::move(socket));
  return living;
}

}  // namespace culvert
