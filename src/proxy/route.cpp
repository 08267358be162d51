#include "proxy/route.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <cassert>

#include "base/ascii.hpp"
#include "proxy/access_policy.hpp"
#include "proxy/authenticator.hpp"
#include "proxy/upstream.hpp"

namespace culvert::proxy {

namespace {

// What one expression may use for its automata; beyond that RE2 goes on more slowly.
constexpr std::int64_t regex_bytes_max = 1 << 20;

std::unique_ptr<re2::RE2> compile(const std::string& text) {
  if (text.empty()) return nullptr;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(regex_bytes_max);
  return std::make_unique<re2::RE2>(text, options);
}

// An empty list matches everything.
template <class List, class Matches>
bool any_of(const List& list, Matches matches) {
  return list.empty() || std::any_of(list.begin(), list.end(), matches);
}

bool path_matches(const config::PathPattern& pattern, std::string_view path) {
  if (!pattern.prefix) return path == pattern.text;
  if (!path.starts_with(pattern.text)) return false;
  return pattern.text.empty() || path.size() == pattern.text.size() || path[pattern.text.size()] == '/';
}

bool header_matches(const config::FieldMatch& wanted, const HeaderList* headers) {
  if (headers == nullptr) return false;
  return std::any_of(headers->begin(), headers->end(), [&](const Header& line) {
    return (wanted.any || line.value == wanted.value) && ascii::iequals(line.name, wanted.name);
  });
}

// Names and values are compared as they were sent, without decoding %XX or '+'.
bool query_matches(const config::FieldMatch& wanted, std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t sign = pair.find('=');
    const std::string_view value = sign == std::string_view::npos ? std::string_view() : pair.substr(sign + 1);
    if (pair.substr(0, sign) == wanted.name && (wanted.any || value == wanted.value)) return true;
  }
  return false;
}

// Each condition that is written has to hold. Out of line, so that the usual way to a route stays short.
[[gnu::cold, gnu::noinline]] bool certificate_matches(const config::CertificateMatch& wanted, const PeerCertificate* shown) {
  if (shown == nullptr) return false;
  const auto matches = [](std::string_view text) {
    return [text](const config::TextPattern& pattern) { return pattern.matches(text); };
  };
  return any_of(wanted.subjects, matches(shown->subject)) && any_of(wanted.names, matches(shown->name)) &&
         any_of(wanted.fingerprints, [&](const std::string& fingerprint) { return fingerprint == shown->fingerprint; });
}

// Fills `captures` where the expression is found somewhere in `path`.
bool regex_matches(const re2::RE2& regex, std::string_view path, Captures& captures) {
  std::array<re2::StringPiece, std::tuple_size_v<decltype(Captures::group)>> found;
  const auto groups = static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1;
  const std::size_t wanted = std::min(groups, found.size());
  const re2::StringPiece text(path.data(), path.size());
  if (!regex.Match(text, 0, path.size(), re2::RE2::UNANCHORED, found.data(), static_cast<int>(wanted))) return false;
  captures = {};
  for (std::size_t i = 0; i < wanted; ++i) captures.group[i] = {found[i].data(), found[i].size()};
  return true;
}

}  // namespace

namespace {

bool leads_plainly(const config::Retry& retry, const config::Upstream& to) {
  return retry.on_status.empty() && retry.try_timeout == config::no_limit && retry.hedge_after == config::off &&
         to.max_requests == 0 && !to.affinity && to.outlier.error_percent == 0 && to.outlier.latency_factor == 0 &&
         to.balance != config::Balance::consistent_hash;
}

}  // namespace

Route::Route(const config::Route& written, Ref<RouteCounts> counted_in, Ref<Upstream> target, Ref<Authenticator> users,
             Ref<AccessPolicy> reach)
    : settings(written), counts(std::move(counted_in)), upstream(std::move(target)), authenticator(std::move(users)), tunnel(std::move(reach)),
      regex_(compile(written.match.path_regex)),
      matches_all_(written.match == config::Match()),
      plain_(!upstream || leads_plainly(written.retry, upstream->settings)),
      forwards_authorization_(!authenticator || authenticator->settings.type == config::AuthType::certificate ||
                              settings.forward_authorization) {
  assert(!regex_ || regex_->ok());
}

Route::~Route() = default;

bool Route::matches(const RequestView& request, Captures& captures) const {
  if (matches_all_) return true;
  const config::Match& match = settings.match;
  return any_of(match.listeners, [&](const std::string& name) { return name == request.listener; }) &&
         any_of(match.hosts, [&](const config::HostPattern& pattern) { return pattern.matches(request.host); }) &&
         any_of(match.methods, [&](const std::string& method) { return method == request.method; }) &&
         any_of(match.paths, [&](const config::PathPattern& pattern) { return path_matches(pattern, request.path); }) &&
         any_of(match.clients, [&](const config::Network& network) { return network.contains(request.client); }) &&
         std::all_of(match.headers.begin(), match.headers.end(),
                     [&](const config::FieldMatch& wanted) { return header_matches(wanted, request.headers); }) &&
         std::all_of(match.query.begin(), match.query.end(),
                     [&](const config::FieldMatch& wanted) { return query_matches(wanted, request.query); }) &&
         (!match.certificate || certificate_matches(*match.certificate, request.certificate)) &&
         (!regex_ || regex_matches(*regex_, request.path, captures));
}

}  // namespace culvert::proxy
