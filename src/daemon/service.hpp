// One [listener.NAME] on one worker: the message model's server, led by the worker's gateway, or raw streams.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/intrusive_list.hpp"
#include "config/config.hpp"
#include "culvert/server.hpp"
#include "daemon/arrival.hpp"
#include "daemon/connection_limit.hpp"
#include "daemon/handshake.hpp"
#include "proxy/gateway.hpp"

namespace culvert::daemon {

class Service final : private Arrival::Host, private Handshake::Host {
 public:
  using Tls = std::shared_ptr<const net::TlsServerContext>;  // of the listener's [tls.NAME]; null: it speaks without

  // `limit` is that of [listener.NAME], `handshakes` the worker's. Begin only after the gateway knows the listener.
  Service(Http& http, proxy::Gateway& gateway, ConnectionLimit& limit, HandshakeLimit& handshakes,
          const config::Listener& settings, Tls tls);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // For connections from now on.
  void apply(const config::Listener& settings, Tls tls);
  // Whether streams say first whose they are: only then it is known whose place they take.
  bool awaits_header() const { return settings_.proxy_protocol; }
  // Whether a peer comes for itself: not one that says in a header, or in fields that are believed, for whom it does.
  bool is_client(const Endpoint& peer) const;
  // Whether there is room for the handshake of one more stream, if it needs one. See HandshakeLimit for `waiting`.
  bool has_room(bool& waiting);
  void stop_waiting(bool& waiting) { handshake_limit_.stop_waiting(waiting); }
  // Serves a stream that carries its `places`. There is room for it.
  void adopt(std::unique_ptr<Transport> stream, Places& places);
  // Connections end with the request they are at; `on_finished` is called when none is left.
  void finish(std::function<void()> on_finished);
  void close_all_connections();

  std::uint64_t handshakes() const { return handshake_count_; }  // of TLS, that have succeeded
  ConnectionLimit& limit() { return limit_; }
  // After finish(): no connection is left, not even one that is being closed, and no stream.
  bool finished() const { return server_closed_ && streams_ == 0; }

 private:
  void arrived(std::unique_ptr<Transport> stream, Bytes first) override;
  void shaken(std::unique_ptr<Transport> stream, Bytes first) override;
  void turned_away(Transport& stream, proxy::Reason reason, std::error_code cause) override;
  bool may_send_header(const Endpoint& peer) const;
  void close_arrivals();  // those that have not come to be served

  Http& http_;
  proxy::Gateway& gateway_;
  ConnectionLimit& limit_;
  HandshakeLimit& handshake_limit_;
  config::Listener settings_;
  Tls tls_;
  IntrusiveList<Arrival> arrivals_;      // owned
  IntrusiveList<Handshake> handshakes_;  // owned
  Server server_;
  std::function<void()> on_finished_;
  std::uint64_t handshake_count_ = 0;
  bool server_closed_ = false;
  std::size_t streams_ = 0;  // of mode tcp, that the gateway carries for it
};

}  // namespace culvert::daemon
