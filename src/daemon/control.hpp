// The control thread: signals, the configuration, the workers' beginning and end. Nothing here is on a request's path.
//
//   starting --> running <--SIGHUP--> reloading
//       \           \                    /
//        `-----------`-----SIGTERM------`--> draining --none left, deadline, second signal--> the end
#pragma once
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/admin_server.hpp"
#include "admin/operations.hpp"
#include "config/load.hpp"
#include "daemon/certificate_dates.hpp"
#include "daemon/connection_limit.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/file_watch.hpp"
#include "daemon/learner.hpp"
#include "daemon/inherited_sockets.hpp"
#include "daemon/listen_sockets.hpp"
#include "daemon/log_writer.hpp"
#include "daemon/password_pool.hpp"
#include "daemon/service_manager.hpp"
#include "daemon/signal_mask.hpp"
#include "daemon/tls_contexts.hpp"
#include "daemon/worker.hpp"
#include "net/epoll_loop.hpp"
#include "net/pool_resolver.hpp"
#include "net/socket_network.hpp"
#include "proxy/authenticator.hpp"

namespace culvert::daemon {

struct RunOptions {
  std::string config_path;
  std::optional<config::LogLevel> log_level;  // instead of the file's
};

class Control final : private admin::Operations {
 public:
  explicit Control(RunOptions options);
  ~Control() override;
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // The process from here to its end.
  ExitCode run();

 private:
  enum class Phase : std::uint8_t { starting, running, reloading, draining };

  ExitCode start();
  ExitCode cannot_start(ExitCode code, const std::string& why) const;
  bool bind_inherited(std::shared_ptr<const config::Config>& config) const;
  void warn_of_unused_sockets() const;
  std::error_code open_log(const config::Log& settings) const;
  bool open_access_log(const config::Config& config);
  bool open_learned(const config::Config& config);
  void write_learned_soon();
  void deliver(ListenSockets::Opened opened);
  void on_applied();
  void seek_room();
  std::size_t ask_workers(const std::function<void(Underway)>& answer) const;

  void wait_for_signal();
  void on_signal(int number);
  void reopen_logs();
  void reload();
  bool change_logs(const config::Config& config);
  void reload_failed(const std::string& why);
  void tell_reloaded(bool done, const std::string& text);
  void renew_certificates();
  void tell(const config::Diagnostics& diagnostics) const;

  // Of operators: control_operations.cpp.
  admin::ProcessView process() const override;
  void collect(bool with_tunnels, Collected done) override;
  void reload(Reloaded done) override;
  admin::Plan plan(const admin::Summary& now) override;
  void stop() override;
  bool set_log_level(const std::string& level) override;
  void set_drained(const std::string& upstream, const std::string& server, bool drained) override;
  void close_tunnel(unsigned worker, std::uint64_t id, std::function<void(bool found)> done) override;
  config::LogLevel level_now() const;

  void drain();
  void on_drained();
  void stop(const std::string& why);

  SignalMask mask_;  // before any thread is made
  const InheritedSockets inherited_ = InheritedSockets::from_environment();  // before anything is opened
  const RunOptions options_;
  Phase phase_ = Phase::starting;
  std::shared_ptr<const config::Config> config_;
  std::uint64_t revision_ = 1;
  const WallTime started_ = WallTime::clock::now();
  WallTime configured_{};       // when config_ was taken
  std::string changes_;         // of the reload under way
  std::string reload_diagnostics_;
  std::optional<std::string> reload_error_;              // of the last reload, where it failed
  std::optional<config::LogLevel> level_of_operator_{};  // until a reload changes the log
  std::vector<Reloaded> reload_awaited_;                 // for the reload under way
  std::vector<Reloaded> reload_asked_;                   // for the next one
  bool reload_again_ = false;   // SIGHUP came while one was under way
  bool renew_again_ = false;    // certificates changed meanwhile
  std::size_t unanswered_ = 0;  // workers that still have to answer what was posted last

  asio::io_context io_{1};
  net::EpollLoop loop_{io_};  // on which operators are served
  asio::signal_set signals_{io_};
  asio::steady_timer deadline_{io_};
  asio::steady_timer next_writing_{io_};          // of what was learned
  Learner learner_;
  LogWriter log_writer_;
  ServiceManager manager_{io_, [this](const auto& answer) { return ask_workers(answer); }};
  Limits limits_;
  std::optional<proxy::Fleets> fleets_;
  std::map<std::string, ConnectionLimit, std::less<>> listener_limits_;  // kept: connections refer to them
  TlsContexts tls_contexts_;
  CertificateDates certificate_dates_;
  FileWatch certificate_watch_;
  std::optional<ListenSockets> sockets_;
  std::vector<std::unique_ptr<Worker>> workers_;  // does not change while they run
  net::PoolResolver resolver_;                    // goes before the loops that its answers are posted to
  proxy::GuessLimit guesses_;
  PasswordPool password_pool_;                    // as resolver_
  const proxy::Passwords passwords_{password_pool_, guesses_};
  net::SocketNetwork network_{loop_};
  Http http_{loop_, network_, resolver_};
  admin::AdminServer admin_{http_, *this, passwords_};
};

}  // namespace culvert::daemon
