#include "proxy/authenticator.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/client_address.hpp"
#include "proxy/basic_credentials.hpp"

namespace culvert::proxy {

namespace {

// RFC 7617 2.1: the charset asks for user names and passwords in UTF-8.
std::string make_challenge(std::string_view realm) {
  std::string challenge = "Basic realm=\"";
  for (const char c : realm) {
    if (c == '"' || c == '\\') challenge += '\\';
    challenge += c;
  }
  return challenge + "\", charset=\"UTF-8\"";
}

}  // namespace

std::string_view name_in(const PeerCertificate& certificate, config::CertificateName which) {
  switch (which) {
    case config::CertificateName::san: return certificate.name;
    case config::CertificateName::cn: return certificate.common_name;
    case config::CertificateName::subject: return certificate.subject;
    case config::CertificateName::fingerprint: return certificate.fingerprint;
  }
  return {};
}

Authenticator::Authenticator(const config::Auth& written, Loop& loop, const Passwords& passwords)
    : settings(written),
      challenge(make_challenge(written.realm)),
      loop_(loop),
      passwords_(passwords),
      rate_{written.max_failures, written.failure_interval} {
  loop_.random_fill(key_);
}

Authenticator::Verdict Authenticator::judge(std::string_view value, const Endpoint& client, Waiter& waiter) {
  const std::optional<BasicCredentials> credentials = parse_basic(value);
  if (!credentials) return {Verdict::Kind::rejected};
  const Sha256 fingerprint = hmac_sha256(key_, as_bytes(credentials->pair()));
  const auto user = settings.users.find(credentials->user());
  if (user != settings.users.end() && is_known(user->first, fingerprint)) return {Verdict::Kind::accepted, user->first};
  return begin(*credentials, fingerprint, client, waiter);
}

bool Authenticator::is_known(std::string_view user, const Sha256& fingerprint) {
  const auto entry = known_.find(user);
  if (entry == known_.end()) return false;
  Known& known = entry->second;
  const bool too_old = settings.cache_timeout != config::no_limit && loop_.now() - known.last_used >= settings.cache_timeout;
  if (too_old || !equal_in_constant_time(known.fingerprint, fingerprint)) return false;
  known.last_used = loop_.now();
  return true;
}

// A name that nobody has is checked against somebody's hash: how long that takes does not tell who is a user.
Authenticator::Verdict Authenticator::begin(const BasicCredentials& credentials, const Sha256& fingerprint,
                                            const Endpoint& client, Waiter& waiter) {
  const auto under_way = attempts_.find(fingerprint);
  if (under_way != attempts_.end()) {
    under_way->second.waiting.push_back(waiter);
    return {Verdict::Kind::later};
  }
  const std::string name(credentials.user());
  const std::string debtors[] = {settings.name + "/client/" + client_address(client).ip(), settings.name + "/user/" + name};
  std::chrono::milliseconds wait{};
  for (const std::string& debtor : debtors) wait = std::max(wait, passwords_.guesses.wait(debtor, rate_, loop_.now()));
  if (wait.count() > 0) return {Verdict::Kind::limited, {}, wait};

  if (settings.users.empty()) return {Verdict::Kind::rejected};
  auto user = settings.users.lower_bound(name);
  if (user == settings.users.end()) user = settings.users.begin();
  const auto attempt = attempts_.try_emplace(fingerprint).first;
  attempt->second.check = passwords_.checker.check(loop_, std::string(credentials.password()), user->second,
                                                   [this, attempt](bool right) { finish(attempt, right); });
  if (!attempt->second.check) {
    attempts_.erase(attempt);
    return {Verdict::Kind::overloaded};
  }
  attempt->second.user = name;
  std::ranges::copy(debtors, attempt->second.debtors);
  attempt->second.waiting.push_back(waiter);
  return {Verdict::Kind::later};
}

void Authenticator::finish(Attempts::iterator attempt, bool right) {
  const auto node = attempts_.extract(attempt);
  Attempt& done = node.mapped();
  Verdict verdict;
  const auto user = settings.users.find(done.user);
  if (right && user != settings.users.end()) {
    known_[user->first] = {node.key(), loop_.now()};
    verdict = {Verdict::Kind::accepted, user->first};
  } else {
    for (const std::string& debtor : done.debtors) passwords_.guesses.failed(debtor, rate_, loop_.now());
  }
  while (!done.waiting.empty()) {
    Waiter& waiter = done.waiting.front();
    waiter.unlink();
    waiter.on_verdict(verdict);
  }
}

}  // namespace culvert::proxy
