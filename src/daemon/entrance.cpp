#include "daemon/entrance.hpp"

#include <utility>

#include "base/log.hpp"
#include "net/epoll_loop.hpp"

namespace culvert::daemon {

Entrance::Entrance(net::EpollLoop& loop, net::ListenSocket socket, net::ListenerOptions options, Limits& limits,
                   Service& service)
    : loop_(loop), limits_(limits), service_(&service),
      listener_(loop, std::move(socket), [this](std::unique_ptr<Transport> stream) { accepted(std::move(stream)); },
                [this](std::error_code error) { cannot_accept(error); }, options) {}

Entrance::~Entrance() {
  if (step_ == Step::process_place) limits_.process.stop_waiting(waiting_);
  if (step_ == Step::handshake_place) service_->stop_waiting(waiting_);
  if (step_ != Step::listener_place) return;
  service_->limit().stop_waiting(waiting_);
  limits_.clients.give_back(client_);
  limits_.process.give_back();
}

void Entrance::lead_to(Service& service, bool no_delay) {
  listener_.set_no_delay(no_delay);
  if (service_ == &service) return;
  if (step_ == Step::listener_place) service_->limit().stop_waiting(waiting_);
  service_ = &service;
  try_again();
}

void Entrance::try_again() {
  if (step_ != Step::accept) seek_places();
}

void Entrance::accepted(std::unique_ptr<Transport> stream) {
  client_ = service_->is_client(stream->remote()) ? stream->remote() : Endpoint{};
  stream_ = std::move(stream);
  step_ = Step::process_place;
  seek_places();
}

void Entrance::cannot_accept(std::error_code error) {
  failures_.add();
  if (failures_.take_due(loop_.now()) > 0) log::error("cannot accept connections: {}", error);
}

void Entrance::seek_places() {
  if (step_ == Step::process_place) {
    if (!limits_.process.take(waiting_)) return listener_.pause();
    if (!limits_.clients.take(client_, loop_.now())) {
      limits_.process.give_back();
      stream_.reset();
      return accept_more();
    }
    step_ = Step::listener_place;
  }
  if (step_ == Step::listener_place) {
    if (!service_->limit().take(waiting_)) return listener_.pause();
    auto places = std::make_unique<Places>(limits_, service_->limit(), client_);
    places_ = places.get();
    stream_->carry(std::move(places));
    step_ = Step::handshake_place;
  }
  if (!service_->has_room(waiting_)) return listener_.pause();
  accept_more();
  service_->adopt(std::move(stream_), *places_);
}

void Entrance::accept_more() {
  step_ = Step::accept;
  if (listener_.paused()) listener_.resume();
}

}  // namespace culvert::daemon
