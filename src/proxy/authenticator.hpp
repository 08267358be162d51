// One [auth.NAME] on one worker: whether what a client says of itself is true.
//
// Passwords are compared by a PasswordChecker, which takes its time. A pair that was right is known from then on by a
// fingerprint, so that a client that has been accepted costs no hashing. Held by the routes that ask for it, and so by
// the exchanges under them: a reload that changes the users makes another one, which knows nobody yet.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/intrusive_list.hpp"
#include "base/ref.hpp"
#include "config/config.hpp"
#include "culvert/endpoint.hpp"
#include "culvert/loop.hpp"
#include "culvert/peer_certificate.hpp"
#include "proxy/guess_limit.hpp"
#include "proxy/password_checker.hpp"

namespace culvert::proxy {

// What of a certificate is the user's name; empty where it has no such thing.
std::string_view name_in(const PeerCertificate& certificate, config::CertificateName which);

// What the authenticators of all workers share.
struct Passwords {
  PasswordChecker& checker;
  GuessLimit& guesses;
};

class Authenticator final : public RefCounted {
 public:
  struct Verdict {
    enum class Kind : std::uint8_t {
      accepted,
      rejected,
      limited,     // too many wrong guesses: not looked at
      overloaded,  // too many checks under way: not looked at
      later,
    };
    Kind kind = Kind::rejected;
    std::string_view user{};                  // accepted: lives as long as the authenticator
    std::chrono::milliseconds retry_after{};  // limited
  };

  // Somebody who waits until a password has been checked.
  class Waiter : public ListHook {
   public:
    virtual void on_verdict(const Verdict& verdict) noexcept = 0;

   protected:
    ~Waiter() = default;
  };

  Authenticator(const config::Auth& written, Loop& loop, const Passwords& passwords);

  // Of the value of Authorization or Proxy-Authorization that `client` has sent. Where the verdict is `later`, `waiter`
  // hears it, unless it is unlinked before.
  Verdict judge(std::string_view value, const Endpoint& client, Waiter& waiter);

  const config::Auth settings;
  const std::string challenge;  // for WWW-Authenticate and Proxy-Authenticate

 private:
  // A pair that was right.
  struct Known {
    Sha256 fingerprint;
    TimePoint last_used;
  };
  // A check under way, for all who have said the same.
  struct Attempt {
    std::string user;
    std::string debtors[2];  // who owes for it where it is wrong
    PasswordCheck check;
    IntrusiveList<Waiter> waiting;
  };
  using Attempts = std::map<Sha256, Attempt>;

  bool is_known(std::string_view user, const Sha256& fingerprint);
  Verdict begin(const class BasicCredentials& credentials, const Sha256& fingerprint, const Endpoint& client,
                Waiter& waiter);
  void finish(Attempts::iterator attempt, bool right);

  Loop& loop_;
  const Passwords passwords_;
  const GuessLimit::Rate rate_;
  std::array<std::byte, 32> key_;            // of the fingerprints
  std::map<std::string_view, Known> known_;  // one for each user at most
  Attempts attempts_;
};

}  // namespace culvert::proxy
