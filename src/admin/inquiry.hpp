// One request of an operator and its answer, which may take its time.
//
//   begin() --> (password) --> the path's function --> answer() --> gone, with its response
//
// It lives until its response is closed and nobody is to call it any more.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "admin/admin_server.hpp"
#include "culvert/http.hpp"
#include "net/loop_entries.hpp"
#include "proxy/authenticator.hpp"

namespace culvert::admin {

class Inquiry final : public Retired, private proxy::Authenticator::Waiter {
 public:
  // What there is to ask.
  struct Path {
    std::string_view method;
    std::string_view path;  // empty: [admin].metrics_path
    bool for_probes;        // answered at a probe_address, too, and without a password
    void (Inquiry::*call)();
    std::string_view about;
  };
  static std::span<const Path> paths();

  // Begins and keeps itself.
  static void begin(AdminServer& owner, IncomingMessage& request, ServerResponse& response, bool is_probe);
  ~Inquiry() override;

 private:
  friend struct LoopEntries<Inquiry>;
  Inquiry(AdminServer& owner, IncomingMessage& request, ServerResponse& response, bool is_probe);

  void start(IncomingMessage& request);
  const Path* find(std::string_view method);
  bool may_come_from_a_browser(IncomingMessage& request);
  void on_verdict(const proxy::Authenticator::Verdict& verdict) noexcept override;

  void index();
  void alive();
  void ready();
  void metrics();
  void status();
  void upstreams();
  void tunnels();
  void close_tunnel();
  void reload();
  void plan();
  void stop();
  void log_level();
  void drain() { set_drained(true); }
  void undrain() { set_drained(false); }

  void set_drained(bool drained);
  void look_whether_empty();
  TimePoint on_due(TimePoint now) noexcept;

  // Of the query; empty where it is not there.
  std::string value_of(std::string_view name) const;
  void collect(bool with_tunnels, std::function<void(const Summary&)> use);
  void answer(std::uint16_t status, std::string_view type, std::string_view body);
  void answer_json(std::uint16_t status, std::string_view body) { answer(status, "application/json", body); }
  void refuse(std::uint16_t status, std::string_view text);
  // `call` is made once, later; after it, the inquiry may go.
  template <class Call>
  auto awaited(Call call) {
    ++awaited_;
    return [this, call](auto&&... arguments) {
      --awaited_;
      if (response_ != nullptr) call(std::forward<decltype(arguments)>(arguments)...);
      release_if_over();
    };
  }
  void release_if_over();

  AdminServer& owner_;
  Operations& operations_;
  Loop& loop_;
  ServerResponse* response_;  // null once closed
  std::string path_;
  std::string query_;
  const bool is_probe_;
  const Path* asked_ = nullptr;
  int awaited_ = 0;
  TimePoint waits_until_ = never;  // for a server to become empty
  std::string upstream_, server_;  // that is drained
  LoopEntries<Inquiry>::Due due_{*this};
};

}  // namespace culvert::admin
