// A worker: one thread with one loop and everything that serves requests on it. Workers share limits, the resolver and
// the access log's writer; control talks to them by posting, and they answer the same way.
//
//   serving --drain()--> finishing requests --on_drained--> nothing left
//   serving, finishing or with nothing left --stop()--> the thread ends; join()
#pragma once
#include <asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "admin/summary.hpp"
#include "culvert/network.hpp"
#include "daemon/entrance.hpp"
#include "daemon/listen_sockets.hpp"
#include "daemon/service.hpp"
#include "daemon/underway.hpp"
#include "net/epoll_loop.hpp"
#include "net/socket_network.hpp"
#include "proxy/fleet.hpp"

namespace culvert::daemon {

// A configuration on its way to one worker, with the sockets that it needs and the worker does not have yet.
struct Delivery {
  std::shared_ptr<const config::Config> config;
  std::vector<ConnectionLimit*> limits;  // one for each of config->listeners
  std::vector<Service::Tls> tls;         // the same
  std::size_t memory_max = 0;            // the worker's share of limits.memory; 0: no limit
  ListenSockets::OfWorker sockets;
};

class Worker {
 public:
  Worker(const proxy::FleetSeat& seat, Limits& limits, Resolver& resolver, const proxy::Passwords& passwords, proxy::LogSink& log,
         proxy::LessonSink& lessons);
  ~Worker();  // stops
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Each of these is called from the control thread and returns at once; the functions that it is given are called on
  // the worker's thread.
  void apply(Delivery delivery, Loop::Task on_applied);
  void drain(Loop::Task on_drained);  // on_drained: no connection is left, and no tunnel
  void seek_room();                   // somewhere a place has become free
  void tell(std::function<void(Underway)> answer);
  // What there is to tell of it, to be called with on its thread.
  void report(bool with_tunnels, std::function<void(admin::WorkerReport)> done);
  void look_at_servers();             // an operator has taken one out of use, or back
  void close_tunnel(std::uint64_t id, std::function<void(bool found)> done);
  void stop();                        // closes what is left and ends the thread

  void join();

 private:
  void take(Delivery& delivery);
  void open_entrances(const config::Listener& listener, Service& service, Delivery& delivery);
  void close_entrances(const config::Config& config);
  void retire_services(const config::Config& config);
  void finish(Service& service);
  void report_when_drained();

  Limits& limits_;
  asio::io_context io_{1};
  net::EpollLoop loop_{io_};
  net::SocketNetwork network_{loop_};
  HandshakeLimit handshakes_{loop_, [this] { seek_room(); }};
  Http http_;
  proxy::Gateway gateway_;
  std::map<std::string, std::unique_ptr<Service>, std::less<>> services_;    // by the listener's name
  std::vector<std::unique_ptr<Service>> retired_;                            // finishing their connections
  std::map<std::string, std::unique_ptr<Entrance>, std::less<>> entrances_;  // by address
  Loop::Task on_drained_;
  std::thread thread_;
};

}  // namespace culvert::daemon
