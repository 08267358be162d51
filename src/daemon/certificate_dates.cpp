#include "daemon/certificate_dates.hpp"

#include <utility>

#include "base/certificate.hpp"
#include "config/certificates.hpp"

namespace culvert::daemon {

CertificateDates::CertificateDates(asio::io_context& io, Report warn, std::chrono::milliseconds interval, Clock clock)
    : warn_(std::move(warn)), interval_(interval), clock_(std::move(clock)), next_warning_(io) {
  wait();
}

void CertificateDates::apply(const config::Config& config) {
  certificates_.clear();
  for (const auto& [name, tls] : config.tls) {
    for (std::size_t i = 0; i < tls.certificates.size(); ++i) {
      CertificateFacts facts;
      read_pair(tls.certificates[i], facts);
      certificates_.push_back({.tls = name, .file = tls.files[i].certificate, .not_before = facts.not_before,
                               .not_after = facts.not_after});
    }
  }
}

void CertificateDates::warn() const {
  const WallTime now = clock_();
  for (const Certificate& each : certificates_) {
    const std::string trouble = config::trouble_with_time(each.not_before, each.not_after, now);
    if (!trouble.empty()) warn_("the certificate in \"" + each.file + "\" " + trouble);
  }
}

void CertificateDates::wait() {
  next_warning_.expires_after(interval_);
  next_warning_.async_wait([this](std::error_code cancelled) {
    if (cancelled) return;
    warn();
    wait();
  });
}

}  // namespace culvert::daemon
