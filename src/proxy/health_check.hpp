// Asks one backend how it is, again and again, and tells its owner when the answer changes: `fall` failures in a row are
// one, `rise` successes another; the very first answer counts at once. A connection for each look, so that what is tried is
// what a new client would meet. Keeps no loop alive.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "config/upstream.hpp"
#include "culvert/agent.hpp"
#include "net/loop_entries.hpp"
#include "proxy/backend.hpp"
#include "wire/proxy_protocol.hpp"

namespace culvert::proxy {

class HealthCheck final : private Watcher {
 public:
  class Owner {
   public:
    // The backend passes, or does not, from now on. `why`: of the last look, for people.
    virtual void on_health(Backend& backend, bool passes, std::string_view why) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // `upstream` has settings for it. `options`: as connections to the backend are made.
  HealthCheck(const config::Upstream& upstream, Http& http, AgentOptions options, const Ref<Backend>& backend,
              Owner& owner);
  ~HealthCheck();

  const Backend& backend() const { return *backend_; }

 private:
  friend struct LoopEntries<HealthCheck>;

  TimePoint on_due(TimePoint now) noexcept;
  void on_ready(Ready ready) noexcept override;
  void look();
  void connect();
  void ask();
  Bytes proxy_header();
  void on_response(IncomingMessage& answer);
  bool has_expected_fields(const IncomingMessage& answer) const;
  void passed();
  void failed(std::string why);
  void settled(bool passes, std::string_view why);

  const config::HealthCheck settings_;
  const config::SendProxyProtocol sends_;
  Loop& loop_;
  const Ref<Backend> backend_;
  Owner& owner_;
  Agent agent_;
  Agent::Origin& origin_;
  const std::string host_;
  ClientRequest* request_ = nullptr;   // until it has closed
  std::unique_ptr<Transport> stream_;  // being connected
  std::string body_;                   // as far as it is looked at
  std::array<std::byte, wire::proxy_line_bytes_max> header_;
  bool looking_ = false;
  bool passes_;
  bool has_looked_ = false;
  std::uint32_t in_a_row_ = 0;  // looks that say the contrary
  TimePoint next_at_;
  TimePoint ends_at_ = never;   // of this look
  LoopEntries<HealthCheck>::Due due_{*this};
};

}  // namespace culvert::proxy
