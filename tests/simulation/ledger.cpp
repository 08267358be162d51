#include "simulation/ledger.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace culvert::simulation {

namespace {

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

// RFC 9110 9.2.2: never twice, but for an idempotent request whose connection had been used and ended without a word.
Attempt& Ledger::begin_attempt(unsigned id, const Link& link, bool first_on_connection) {
  Entry& entry = this->entry(id);
  if (!entry.attempts.empty() && entry.sends == 1) {
    const Attempt& last = entry.attempts.back();
    if (!idempotent(entry.plan->method)) broken("exchange {} is {}, and was sent twice", id, entry.plan->method);
    if (last.first_on_connection) broken("exchange {} was sent again after a fresh connection failed", id);
    if (last.link->read_by_culvert() > last.read_before)
      broken("exchange {} was sent again though it was being answered", id);
  }
  if (entry.attempts.size() > 8) broken("exchange {} is sent without end", id);
  entry.attempts.push_back({.link = &link,
                            .first_on_connection = first_on_connection,
                            .read_before = link.read_by_culvert(),
                            .plan = make_response(plan_, *entry.plan, static_cast<unsigned>(entry.attempts.size()))});
  return entry.attempts.back();
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
  if (!plan_.calm || may_fail(entry) || entry.rightly_refused) return;
  if (entry.outcome != Outcome::complete) {
    broken("exchange {} was {} though nothing went wrong", id,
           entry.outcome == Outcome::refused ? fmt::format("refused with {}", entry.status)
           : entry.outcome == Outcome::cut   ? "cut short"
                                             : "left unanswered");
  }
}

// Even in a calm world an origin closes an idle connection just when a request is on its way; what cannot be sent again
// then fails. And a client cannot be answered that asks when its connection is about to be closed.
bool Ledger::may_fail(const Entry& entry) const {
  if (draining && entry.outcome == Entry::Outcome::unanswered) return true;
  const bool repeatable = idempotent(entry.plan->method) && entry.plan->framing == Framing::none;
  return !repeatable && std::ranges::any_of(plan_.hosts, [](const HostPlan& host) { return host.idle.count() > 0; });
}

}  // namespace culvert::simulation
