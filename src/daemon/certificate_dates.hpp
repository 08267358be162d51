// When the certificates in use end: a warning every day from two weeks before, and a figure for whoever asks.
#pragma once
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace culvert::daemon {

class CertificateDates {
 public:
  struct Certificate {
    std::string tls;   // the NAME of its [tls.NAME]
    std::string file;
    WallTime not_before;
    WallTime not_after;
    std::chrono::seconds left(WallTime now) const { return std::chrono::floor<std::chrono::seconds>(not_after - now); }
  };
  using Report = std::function<void(const std::string& text)>;
  using Clock = std::function<WallTime()>;

  CertificateDates(asio::io_context& io, Report warn, std::chrono::milliseconds interval = std::chrono::days(1),
                   Clock clock = &WallTime::clock::now);

  // From now on those of `config`, whose warnings its loading has told.
  void apply(const config::Config& config);
  // Of each that has ended or does so soon.
  void warn() const;

  const std::vector<Certificate>& certificates() const { return certificates_; }

 private:
  void wait();

  const Report warn_;
  const std::chrono::milliseconds interval_;
  const Clock clock_;
  asio::steady_timer next_warning_;
  std::vector<Certificate> certificates_;
};

}  // namespace culvert::daemon
