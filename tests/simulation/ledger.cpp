#include "simulation/ledger.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;

// With all that were stale among them; of a request that was held, for each time.
constexpr std::size_t tries_most = 9;
constexpr std::size_t tries_most_of_held = 40;
constexpr Duration held_slack = 2s;

bool idempotent(const std::string& method) { return method != "POST"; }

std::string_view value_of(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + key.size());
  return rest.substr(0, rest.find_first_of(",}\""));
}

int number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Ledger::Ledger(SimLoop& loop, Trace& trace, const Plan& plan) : loop_(loop), trace_(trace), plan_(plan) {
  for (const ClientPlan& client : plan.clients) {
    for (const RequestPlan& request : client.requests) {
      entries_[request.id] = {.plan = &request, .disturbed = request.mood != RequestPlan::Mood::plain, .attempts = {}};
    }
  }
}

Entry& Ledger::entry(unsigned id) {
  const auto found = entries_.find(id);
  if (found != entries_.end()) return found->second;
  broken("exchange {} does not exist", id);
  return entries_[id];
}

Attempt& Ledger::begin_attempt(unsigned id, const Link& link, bool first_on_connection) {
  Entry& entry = this->entry(id);
  if (!entry.attempts.empty() && entry.sends == 1) check_repeat(entry);
  check_drained(entry, link);
  entry.attempts.push_back({.link = &link,
                            .first_on_connection = first_on_connection,
                            .read_before = link.read_by_culvert(),
                            .plan = make_response(plan_, *entry.plan, static_cast<unsigned>(entry.attempts.size()))});
  return entry.attempts.back();
}

// RFC 9110 9.2.2: never twice, but for an idempotent request whose connection had been used and ended without a word,
// or that its route wants tried again, or sent to a second server as well after a while.
void Ledger::check_repeat(const Entry& entry) {
  const Attempt& last = entry.attempts.back();
  const unsigned id = entry.plan->id;
  if (!idempotent(entry.plan->method)) broken("exchange {} is {}, and was sent twice", id, entry.plan->method);
  const bool may_be_hedged = any_rule(entry, [&](const CareRules& rules) {
    const config::milliseconds after = rules.retry.hedge_after;
    return after != config::off && rules.has_budget() && loop_.elapsed() - entry.asked >= after;
  });
  const auto is_under_way = [](const Attempt& attempt) { return attempt.link->near_open(); };
  if (std::ranges::count_if(entry.attempts, is_under_way) > (may_be_hedged ? 1 : 0))
    broken("exchange {} was sent again before the last try was over", id);
  if (!may_be_hedged && !may_repeat(entry, last)) {
    broken("exchange {} was sent again after {} connection failed, {}", id,
           last.first_on_connection ? "a fresh" : "a used",
           last.link->read_by_culvert() > last.read_before ? "though it was being answered" : "unanswered");
  }
  const bool kept =
      any_rule(entry, [&](const CareRules& rules) { return last.received <= rules.retry.max_body_size; });
  if (!kept) broken("exchange {} was sent again though more of its body had gone than is kept", id);
  const bool may_go_on = any_rule(entry, [&](const CareRules& rules) {
    const std::size_t tries = rules.retry.attempts == 0 ? tries_most : rules.retry.attempts;
    return entry.attempts.size() < (rules.holds() ? tries_most_of_held : tries);
  });
  if (!may_go_on) broken("exchange {} is sent too often", id);
}

bool Ledger::may_repeat(const Entry& entry, const Attempt& last) const {
  const std::uint64_t read = last.link->read_by_culvert() - last.read_before;
  const bool is_answered = last.head_bytes != 0 && read >= last.head_bytes;
  return any_rule(entry, [&](const CareRules& rules) {
    const config::Retry& retry = rules.retry;
    const auto status = static_cast<std::uint16_t>(last.plan.status);
    if (is_answered) return rules.has_budget() && std::ranges::count(retry.on_status, status) > 0;
    const bool is_stale = last.ended && !last.first_on_connection && read == 0;
    if (is_stale && retry.on_reused_connection_closed) return true;
    return rules.has_budget() && ((last.ended && retry.on_reset) || retry.on_response_timeout);
  });
}

// What never was anything but drained is asked for nothing; clients that were there before would come back to it.
void Ledger::check_drained(const Entry& entry, const Link& link) {
  const bool may_be_asked = any_rule(entry, [&](const CareRules& rules) {
    const auto is_drained = [&](const auto& server) {
      return server.drain && server.address == Address::of(link.far());
    };
    return rules.upstream.affinity || std::ranges::none_of(rules.upstream.servers, is_drained);
  });
  if (!may_be_asked) broken("exchange {} was sent to a server that is drained", entry.plan->id);
}

void Ledger::applied(const config::Config& config) {
  for (const auto& [name, upstream] : config.upstreams) rules_[name].push_back(care_rules(config, name));
}

void Ledger::looked_at(const Endpoint& server) {
  const bool is_wanted = std::ranges::any_of(rules_, [](const auto& of) {
    return std::ranges::any_of(of.second, [](const CareRules& rules) {
      return rules.upstream.health && rules.upstream.health->type == config::HealthType::http;
    });
  });
  if (!is_wanted) broken("{} is asked how it is, and nobody wants to know", server.to_string());
}

void Ledger::gave_cookie(const Entry& entry) {
  if (!any_rule(entry, [](const CareRules& rules) { return rules.upstream.affinity.has_value(); }))
    broken("exchange {} got a cookie that nobody has asked for", entry.plan->id);
}

void Ledger::answered(Entry& entry, std::string refused_for) {
  entry.answered = loop_.elapsed();
  entry.refused_for = std::move(refused_for);
  const Duration waited = entry.answered - entry.asked;
  const bool has_waited_enough = any_rule(
      entry, [&](const CareRules& rules) { return rules.holds() && waited >= rules.upstream.hold.timeout; });
  if (entry.refused_for == "upstream_hold_timeout" && !has_waited_enough)
    broken("exchange {} was held, and given up before its time", entry.plan->id);
  check_held(entry);
}

// While no server can be reached, nobody waits for longer than hold.timeout, a tick, and what networks take. That can
// be told where nothing else makes an answer late.
void Ledger::check_held(const Entry& entry) {
  if (!plan_.calm || !entry.plan->is_swift) return;
  const Outage outage = outage_of(plan_, upstream_of(*entry.plan));
  const bool was_in_time = any_rule(entry, [&](const CareRules& rules) {
    const Duration most = rules.upstream.hold.timeout + held_slack;
    const bool could_be_reached = entry.asked < outage.begins || entry.asked + most >= outage.ends;
    return could_be_reached || rules.upstream.max_sockets != 0 || entry.answered - entry.asked <= most;
  });
  if (was_in_time) return;
  broken("exchange {} waited for {} ms, though no server could be reached", entry.plan->id,
         std::chrono::duration_cast<std::chrono::milliseconds>(entry.answered - entry.asked).count());
}

void Ledger::record(std::string_view line) {
  trace_.add(loop_.elapsed(), "record {}", line);
  const std::string_view path = value_of(line, "\"url.path\":\"");
  const int status = number(value_of(line, "\"http.response.status_code\":"));
  const bool explained = line.find("\"error.type\":\"") != std::string_view::npos;
  if (status >= 500 && !explained && path.empty()) broken("a record of {} without a reason: {}", status, line);
  if (path.size() < 5) return;
  Entry& entry = this->entry(static_cast<unsigned>(number(path.substr(path.rfind('/') + 1))));
  ++entry.records;
  const std::string_view client = value_of(line, "\"client.address\":\"");
  if (!client.empty() && entry.client.ip() != client)
    broken("exchange {} is {}'s, and its record says {}", entry.plan->id, entry.client.ip(), client);
}

void Ledger::break_promise(std::string text) {
  trace_.add(loop_.elapsed(), "BROKEN: {}", text);
  if (first_broken_.empty()) first_broken_ = std::move(text);
}

void Ledger::judge() {
  for (const auto& [id, entry] : entries_) judge(entry);
}

void Ledger::judge(const Entry& entry) {
  using Outcome = Entry::Outcome;
  const unsigned id = entry.plan->id;
  if (!entry.attempts.empty() && (entry.records == 0 || entry.records > entry.sends)) {
    broken("exchange {} has {} records in the access log, and was sent {} times", id, entry.records, entry.sends);
  }
  if (entry.sends == 0 || entry.disturbed) return;
  if (entry.outcome == Outcome::open) return broken("exchange {} never ended for its client", id);
  if (!plan_.calm || may_fail(entry) || entry.rightly_refused || is_rightly_refused(entry)) return;
  if (entry.outcome != Outcome::complete) {
    broken("exchange {} was {} though nothing went wrong", id,
           entry.outcome == Outcome::refused ? fmt::format("refused with {}", entry.status)
           : entry.outcome == Outcome::cut   ? "cut short"
                                             : "left unanswered");
  }
}

// Even in a calm world an origin closes an idle connection just when a request is on its way; what cannot be sent again
// then fails. So does what nobody can be reached for, unless it is held, and what has given up an answer for a better
// one. And a client cannot be answered that asks when its connection is about to be closed.
bool Ledger::may_fail(const Entry& entry) const {
  if (draining && entry.outcome == Entry::Outcome::unanswered) return true;
  const bool is_kept = entry.plan->framing == Framing::none || any_rule(entry, [&](const CareRules& rules) {
    return entry.plan->body <= rules.retry.max_body_size;
  });
  const bool is_held = !any_rule(entry, [](const CareRules& rules) { return !rules.holds(); });
  if (has_outages() && (!is_kept || !entry.attempts.empty())) return true;
  if (may_be_unreachable(entry) && !is_held) return true;
  const bool repeatable = idempotent(entry.plan->method) && entry.plan->framing == Framing::none;
  return !repeatable && std::ranges::any_of(plan_.hosts, [](const HostPlan& host) { return host.idle.count() > 0; });
}

bool Ledger::has_outages() const {
  return std::ranges::any_of(plan_.hosts, [](const HostPlan& host) { return host.outage.happens(); });
}

// For a while; where one server is drained, the other is all that there is.
bool Ledger::may_be_unreachable(const Entry& entry) const {
  if (outage_of(plan_, upstream_of(*entry.plan)).happens()) return true;
  return has_outages() && any_rule(entry, [](const CareRules& rules) {
    return std::ranges::any_of(rules.upstream.servers, [](const auto& server) { return server.drain; });
  });
}

// A limit is one in a calm world, too.
bool Ledger::is_rightly_refused(const Entry& entry) const {
  const bool was_held = entry.refused_for == "upstream_hold_timeout" || entry.refused_for == "upstream_hold_full";
  const bool is_out = may_be_unreachable(entry);
  return any_rule(entry, [&](const CareRules& rules) {
    if (entry.refused_for == "upstream_requests_exhausted") return rules.upstream.max_requests != 0;
    return was_held && is_out && rules.holds();
  });
}

}  // namespace culvert::simulation
