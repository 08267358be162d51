// The signals that mean something to the process. Held back while it starts, so that threads made meanwhile never see
// them and none is lost; let through on the control thread once it listens to them.
#pragma once
#include <csignal>

namespace culvert::daemon {

inline constexpr int handled_signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1};

class SignalMask {
 public:
  SignalMask() {
    sigset_t held;
    sigemptyset(&held);
    for (const int number : handled_signals) sigaddset(&held, number);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  SignalMask(const SignalMask&) = delete;
  SignalMask& operator=(const SignalMask&) = delete;
  ~SignalMask() { let_through(); }

  void let_through() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace culvert::daemon
