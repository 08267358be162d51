#include "net/name_records.hpp"

// The C library's resolver, in the order in which its headers need each other.
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <span>
#include <vector>

#include "base/ascii.hpp"
#include "net/pool_resolver.hpp"

namespace culvert::net {

namespace {

using std::chrono::seconds;

// After that no other target of a service is looked up: those that are silent are not to hold up the others' answer.
constexpr seconds patience{10};

std::error_code error_of(int answer) {
  if (answer == TRY_AGAIN) return std::make_error_code(std::errc::resource_unavailable_try_again);
  return errc::name_not_found;
}

// The records of one answer, and how long they hold together.
class Answer {
 public:
  static Result<Answer> ask(const std::string& name, ns_type type);

  // All that are of `type`; false where the answer is broken.
  template <class Visit>
  bool each(ns_type type, Visit visit);
  std::optional<seconds> lifetime();
  std::string name_at(const unsigned char* compressed) const;

 private:
  std::vector<unsigned char> bytes_;
  ns_msg message_;
};

Result<Answer> Answer::ask(const std::string& name, ns_type type) {
  struct __res_state state{};
  if (res_ninit(&state) != 0) return error_of(TRY_AGAIN);
  Answer answer;
  answer.bytes_.resize(NS_MAXMSG);
  const int size =
      res_nsearch(&state, name.c_str(), ns_c_in, type, answer.bytes_.data(), static_cast<int>(answer.bytes_.size()));
  const int failed = state.res_h_errno;
  res_nclose(&state);
  if (size < 0) return error_of(failed);
  answer.bytes_.resize(std::min(static_cast<std::size_t>(size), answer.bytes_.size()));
  if (ns_initparse(answer.bytes_.data(), static_cast<int>(answer.bytes_.size()), &answer.message_) != 0) {
    return error_of(TRY_AGAIN);
  }
  return answer;
}

template <class Visit>
bool Answer::each(ns_type type, Visit visit) {
  for (int i = 0; i < ns_msg_count(message_, ns_s_an); ++i) {
    ns_rr record;
    if (ns_parserr(&message_, ns_s_an, i, &record) != 0) return false;
    if (type == ns_t_any || ns_rr_type(record) == type) visit(record);
  }
  return true;
}

// Names that stand for other names count as well.
std::optional<seconds> Answer::lifetime() {
  std::optional<seconds> least;
  const bool whole = each(ns_t_any, [&](const ns_rr& record) {
    const seconds ttl(ns_rr_ttl(record));
    least = least ? std::min(*least, ttl) : ttl;
  });
  return whole ? least : std::nullopt;
}

// Empty where it is none that a host can have, or the root.
std::string Answer::name_at(const unsigned char* compressed) const {
  std::array<char, NS_MAXDNAME> text;
  const int size = dn_expand(ns_msg_base(message_), ns_msg_end(message_), compressed, text.data(), text.size());
  if (size < 0 || res_hnok(text.data()) == 0) return {};
  return ascii::lower(text.data());
}

// Of whom the system says more than the domain name system does.
bool is_in_hosts_file(const std::string& name) {
  static std::mutex one_reads;  // the position in the file is the process's
  const std::lock_guard lock(one_reads);
  std::vector<char> text(8 * 1024);
  const auto is_it = [&](const char* each) { return ascii::iequals(each, name); };
  bool found = false;
  sethostent(0);
  hostent entry;
  hostent* each = nullptr;
  int failed = 0;
  while (!found && gethostent_r(&entry, text.data(), text.size(), &each, &failed) == 0 && each != nullptr) {
    found = is_it(entry.h_name);
    for (char** alias = entry.h_aliases; !found && *alias != nullptr; ++alias) found = is_it(*alias);
  }
  endhostent();
  return found;
}

// How long these addresses hold; none where the domain name system has nobody of that name.
std::optional<seconds> lifetime_of(const std::string& name, const Endpoints& addresses) {
  const auto has = [&](Endpoint::Family family) {
    return std::ranges::any_of(addresses, [&](const Endpoint& each) { return each.unmapped().family == family; });
  };
  if (is_in_hosts_file(name)) return std::nullopt;
  std::optional<seconds> least;
  for (const auto& [family, type] : {std::pair(Endpoint::Family::ipv4, ns_t_a), std::pair(Endpoint::Family::ipv6, ns_t_aaaa)}) {
    if (!has(family)) continue;
    Result<Answer> answer = Answer::ask(name, type);
    const std::optional<seconds> ttl = answer ? answer->lifetime() : std::nullopt;
    if (ttl) least = least ? std::min(*least, *ttl) : *ttl;
  }
  return least;
}

Result<Whereabouts> locate_host(const std::string& name, std::uint16_t port, const LookupOptions& options) {
  Result<Endpoints> found = PoolResolver::system_lookup(name, options);
  if (!found) return found.error();
  for (Endpoint& each : *found) each.port = port;
  Whereabouts where;
  where.lifetime = lifetime_of(name, *found);
  where.hosts.push_back({.host = name, .port = port, .priority = 0, .weight = 0, .endpoints = std::move(*found)});
  return where;
}

// RFC 2782: priority, weight, port, target.
std::vector<NamedHost> targets_of(Answer& answer) {
  constexpr std::size_t target_at = 6;
  std::vector<NamedHost> targets;
  const bool whole = answer.each(ns_t_srv, [&](const ns_rr& record) {
    if (ns_rr_rdlen(record) <= target_at) return;
    const unsigned char* const data = ns_rr_rdata(record);
    NamedHost target;
    target.host = answer.name_at(data + target_at);
    target.priority = static_cast<std::uint16_t>(ns_get16(data));
    target.weight = static_cast<std::uint16_t>(ns_get16(data + 2));
    target.port = static_cast<std::uint16_t>(ns_get16(data + 4));
    const bool is_new = std::ranges::none_of(
        targets, [&](const NamedHost& each) { return each.host == target.host && each.port == target.port; });
    if (!target.host.empty() && target.port != 0 && is_new) targets.push_back(std::move(target));
  });
  if (!whole) return {};
  std::ranges::stable_sort(targets, {}, &NamedHost::priority);
  if (targets.size() > service_hosts_max) targets.resize(service_hosts_max);
  return targets;
}

Result<Whereabouts> locate_service(const std::string& name, const LookupOptions& options) {
  Result<Answer> answer = Answer::ask(name, ns_t_srv);
  if (!answer) return answer.error();
  Whereabouts where{.hosts = targets_of(*answer), .lifetime = answer->lifetime()};
  std::error_code error = errc::name_not_found;
  bool anybody = false;
  const auto ends_at = std::chrono::steady_clock::now() + patience;
  for (NamedHost& target : where.hosts) {
    if (std::chrono::steady_clock::now() > ends_at) break;
    Result<Whereabouts> found = locate_host(target.host, target.port, options);
    if (!found) {
      error = found.error();
      continue;
    }
    anybody = true;
    target.endpoints = std::move(found->hosts.front().endpoints);
    if (found->lifetime) where.lifetime = std::min(where.lifetime.value_or(*found->lifetime), *found->lifetime);
  }
  if (!anybody) return error;
  return where;
}

}  // namespace

Result<Whereabouts> system_locate(const Address& address, const LookupOptions& options) {
  if (address.kind == Address::Kind::service) return locate_service(address.text, options);
  return locate_host(address.text, address.port, options);
}

}  // namespace culvert::net
