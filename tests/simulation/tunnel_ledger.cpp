#include "simulation/tunnel_ledger.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;
using Outcome = TunnelEntry::Outcome;
using Kind = Destination::Kind;

constexpr std::uint16_t ports_apart = 10'000;

std::string_view value_of(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + key.size());
  return rest.substr(0, rest.find_first_of(",}\""));
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "SECONDS.MICROSECONDS"
Duration duration(std::string_view text) {
  const std::size_t point = text.find('.');
  return std::chrono::seconds(number(text)) + std::chrono::microseconds(number(text.substr(point + 1)));
}

// What two parents in that order come to; empty: a tunnel.
std::string_view answer_of(ParentAnswer answer) {
  switch (answer) {
    case ParentAnswer::leads:
    case ParentAnswer::informs_and_leads:
      return {};
    case ParentAnswer::refuses:
    case ParentAnswer::fails:
    case ParentAnswer::is_busy:
      return "parent_refused";
    case ParentAnswer::wants_a_password:
      return "parent_auth_failed";
    case ParentAnswer::goes_round:
      return "proxy_loop_detected";
    case ParentAnswer::switches:
      return "upstream_upgrade_unexpected";
    case ParentAnswer::nonsense:
      return "upstream_response_malformed";
    case ParentAnswer::cut:
    case ParentAnswer::closes:
    case ParentAnswer::resets:
      return "upstream_reset_before_response";
    case ParentAnswer::hangs:
      return "upstream_response_timeout";
  }
  return {};
}

// The other may be asked.
bool passes(ParentAnswer answer) {
  return answer == ParentAnswer::fails || answer == ParentAnswer::is_busy || answer == ParentAnswer::cut ||
         answer == ParentAnswer::closes || answer == ParentAnswer::resets || answer == ParentAnswer::hangs;
}

bool is_open(const Judgement& judgement) { return judgement.reason.empty() && !judgement.waits_for_names; }

// As culvert asks for it.
std::string plain(std::string_view host) {
  std::string name(host);
  if (name.ends_with('.')) name.pop_back();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

std::string_view walk(ParentAnswer first, ParentAnswer second) { return answer_of(passes(first) ? second : first); }

}  // namespace

TunnelLedger::TunnelLedger(SimLoop& loop, Trace& trace, Ledger& promises, const Plan& plan)
    : loop_(loop), trace_(trace), promises_(promises), plan_(plan), random_(Random(plan.seed).fork(8)) {
  if (plan.tunnels.clients.empty()) return;
  settings_ = &egress_of(plan);
  for (const Address& address : plan.config->listeners.back().addresses) own_.push_back(address.ip);
  for (const TunnelClientPlan& client : plan.tunnels.clients) {
    for (const TunnelPlan& tunnel : client.tunnels) entries_.emplace(tunnel.id, tunnel);
  }
  rules_.push_back({loop.now(), plan.tunnels.egress[0]});
}

TunnelEntry& TunnelLedger::entry(unsigned id) { return entries_.at(id); }

TunnelEntry* TunnelLedger::find(std::uint16_t port) {
  const auto found = entries_.find(port % ports_apart);
  return found == entries_.end() || found->second.plan->port != port ? nullptr : &found->second;
}

// ---- what happens ---------------------------------------------------------------------------------------------------

void TunnelLedger::rules_change(const Egress& egress) { rules_.push_back({loop_.now(), egress}); }

void TunnelLedger::asks(const TunnelPlan& plan, const Link& link, std::uint64_t head) {
  TunnelEntry& entry = this->entry(plan.id);
  entry.link = &link;
  entry.head = head;
  entry.asked = loop_.now();
  std::size_t beside = 0;
  for (const auto& [id, other] : entries_) beside += wants(other) ? 1U : 0U;
  for (auto& [id, other] : entries_) {
    if (wants(other)) other.most_beside = std::max(other.most_beside, beside - 1);
  }
}

void TunnelLedger::asks(const RequestPlan& request, const Link& link) {
  forwarded_[request.id] = {
      .destination = request.destination, .port = request.port, .link = &link, .asked = loop_.now()};
}

std::optional<Result<Endpoints>> TunnelLedger::look_up(const std::string& name, std::uint16_t port) {
  if (port == http_port || port == denied_ports) return look_up_to_forward(name, port);
  TunnelEntry* const entry = find(port);
  if (entry == nullptr || !wants(*entry) || plain(entry->plan->destination->host) != name) {
    promises_.broken("{}:{} is looked up, and nobody has asked for it", name, port);
    return Result<Endpoints>(errc::name_not_found);
  }
  if (std::exchange(entry->looks_up, true)) promises_.broken("{} is looked up twice for one tunnel", name);
  if (std::ranges::none_of(judgements(*entry), &Judgement::is_looked_up))
    promises_.broken("{} is looked up though it need not be", name);
  Endpoints found;
  auto answered = answer(*entry->plan->destination, name, port, found);
  if (answered) entry->answer = std::move(found);
  return answered;
}

// Whoever of those that have asked for it, culvert may ask for.
std::optional<Result<Endpoints>> TunnelLedger::look_up_to_forward(const std::string& name, std::uint16_t port) {
  std::vector<ForwardEntry*> asking;
  for (auto& [id, entry] : forwarded_) {
    if (entry.port == port && plain(entry.destination->host) == name && wants(entry)) asking.push_back(&entry);
  }
  const auto is_looked_up = [&](const ForwardEntry* entry) {
    return std::ranges::any_of(judgements(*entry), &Judgement::is_looked_up);
  };
  if (std::ranges::none_of(asking, is_looked_up)) {
    promises_.broken("{}:{} is looked up, and nobody who may has asked for it", name, port);
    return Result<Endpoints>(errc::name_not_found);
  }
  Endpoints found;
  auto answered = answer(*asking[0]->destination, name, port, found);
  for (ForwardEntry* const entry : asking) {
    if (answered) entry->answers.push_back(found);
  }
  return answered;
}

std::optional<Result<Endpoints>> TunnelLedger::answer(const Destination& destination, const std::string& name,
                                                      std::uint16_t port, Endpoints& found) {
  if (destination.kind == Kind::silent) return std::nullopt;
  const bool changed = ++lookups_[name] % 2 == 0 && !destination.every_second_time.empty();
  for (const std::string_view ip : changed ? destination.every_second_time : destination.addresses) {
    found.push_back(address(ip, port));
  }
  if (!plan_.calm && random_.one_in(8)) found.clear();
  if (destination.kind == Kind::circle)
    return Result<Endpoints>(std::make_error_code(std::errc::resource_unavailable_try_again));
  if (found.empty() && destination.kind != Kind::empty) return Result<Endpoints>(errc::name_not_found);
  return Result<Endpoints>(found);
}

// Every address that culvert dials has been named by a client, or by the name servers for this client, and is allowed.
void TunnelLedger::dialled(const Endpoint& to) {
  const bool is_upstream = (to.ip().starts_with("10.0.1.") || to.ip().starts_with("2001:db8:")) && to.port == 80;
  if (is_upstream) return;
  for (std::size_t i = 0; i < parents_max; ++i) {
    const bool known = std::ranges::any_of(rules_, [](const InForce& each) { return each.egress.has_parents; });
    if (known && to == parent_address(i)) return;
  }
  if (forwards_to(to)) return;
  const TunnelEntry* const entry = find(to.port);
  if (entry == nullptr || !wants(*entry)) return promises_.broken("{} is dialled, and nobody wants it", to.to_string());
  if (!may_stand(*entry)) return promises_.broken("{} is dialled though it is not allowed", to.to_string());
  const Destination& destination = *entry->plan->destination;
  const Endpoints checked = destination.kind == Kind::address ? Endpoints{address(destination.addresses[0], to.port)}
                                                              : entry->answer.value_or(Endpoints{});
  const auto is_it = [&](const Endpoint& each) { return each.unmapped() == to; };
  if (std::ranges::none_of(checked, is_it)) promises_.broken("{} is dialled, which nobody has checked", to.to_string());
}

void TunnelLedger::parent_asked(unsigned id, std::size_t parent) {
  TunnelEntry& entry = this->entry(id);
  const auto leads = [](const Judgement& each) { return each.reason.empty() && each.leads_by_parents; };
  if (std::ranges::none_of(judgements(entry), leads)) promises_.broken("a parent is asked for tunnel {}", id);
  if (std::exchange(entry.parents[parent].asked, true)) promises_.broken("a parent is asked twice for tunnel {}", id);
  const TunnelEntry::AtParent& other = entry.parents[1 - parent];
  const bool heard = other.link != nullptr && other.link->read_by_culvert() >= other.answer;
  if (heard && !passes(entry.plan->parents[1 - parent]))
    promises_.broken("tunnel {} goes on to another parent after the last word of the first", id);
  if (parent == 1 && !entry.parents[0].asked && !in_outage(entry) && plan_.calm)
    promises_.broken("the second parent is asked for tunnel {} though the first can be", id);
}

void TunnelLedger::parent_answers(unsigned id, std::size_t parent, const Link& link, std::size_t bytes) {
  TunnelEntry::AtParent& there = entry(id).parents[parent];
  there.link = &link;
  there.answer = bytes;
}

FarEnd& TunnelLedger::arrived(unsigned id, const Link& link, std::uint64_t head) {
  return *entry(id).ends.emplace_back(std::make_unique<FarEnd>(FarEnd{.link = &link, .head = head}));
}

void TunnelLedger::record(std::string_view line) {
  const std::string_view reason = value_of(line, "\"error.type\":\"");
  const std::string_view target = value_of(line, "\"url.path\":\"");
  if (target.empty()) {
    if (reason.starts_with("proxy_header")) ++turned_away_;
    return;
  }
  const std::uint64_t port = number(target.substr(target.rfind(':') + 1));
  TunnelEntry* const entry = find(static_cast<std::uint16_t>(port));
  if (entry == nullptr) return promises_.broken("a record of a tunnel that does not exist: {}", line);
  entry->records.push_back({.status = static_cast<int>(number(value_of(line, "\"http.response.status_code\":"))),
                            .reason = std::string(reason),
                            .bytes_up = number(value_of(line, "\"http.request.body.size\":")),
                            .bytes_down = number(value_of(line, "\"http.response.body.size\":")),
                            .duration = duration(value_of(line, "\"duration\":")),
                            .client = std::string(value_of(line, "\"client.address\":\""))});
}

// ---- each part ------------------------------------------------------------------------------------------------------

void TunnelLedger::arrived_up(TunnelEntry& entry, FarEnd& end, std::string_view part) {
  const unsigned id = entry.plan->id;
  if (!hello_refusal(entry).empty()) promises_.broken("the destination hears of tunnel {}, which is refused", id);
  if (!entry.up.has(std::exchange(end.received, end.received + part.size()), part))
    promises_.broken("the stream of tunnel {} arrived differently from how it was sent", id);
}

void TunnelLedger::arrived_down(TunnelEntry& entry, std::string_view part) {
  const std::size_t before = std::exchange(entry.received, entry.received + part.size());
  const unsigned id = entry.plan->id;
  if (!hello_refusal(entry).empty()) {
    const char alert = entry.plan->hello.answer(rules_.back().egress.denies_encrypted_hellos).alert;
    const std::string whole = std::string("\x15\x03\x03\x00\x02\x02", 6) + alert;
    if (alert == 0 || whole.substr(before, part.size()) != part)
      promises_.broken("the client of tunnel {}, which is refused, is told something else than why", id);
    return;
  }
  if (!entry.down.has(before, part))
    promises_.broken("the stream to the client of tunnel {} arrived differently from how it was sent", id);
}

// A connection that was dropped for another ends, too, before anything has come.
void TunnelLedger::ended_up(TunnelEntry& entry, FarEnd& end) {
  end.complete = end.received == entry.up.size();
  if (end.complete || !entry.client_is_good() || (end.received == 0 && !end.link->near_open())) return;
  promises_.broken("the stream of tunnel {} came to an end after {} of {} bytes", entry.plan->id, end.received,
                   entry.up.size());
}

void TunnelLedger::ended_down(TunnelEntry& entry) {
  if (entry.received == entry.down.size()) return;
  if (!entry.target_is_good() || !hello_refusal(entry).empty()) return;
  promises_.broken("the stream to the client of tunnel {} came to an end after {} of {} bytes", entry.plan->id,
                   entry.received, entry.plan->target.bytes);
}

// ---- what the rules say ---------------------------------------------------------------------------------------------

// By each of the rules that were in force since it was asked for.
std::vector<Judgement> TunnelLedger::judgements(const Destination& destination, std::uint16_t port, TimePoint asked,
                                                const Endpoints* answer) const {
  std::vector<Judgement> all;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (i + 1 < rules_.size() && rules_[i + 1].since < asked) continue;
    all.push_back(simulation::judge(rules_[i].egress, destination, port, answer, own_));
  }
  return all;
}

std::vector<Judgement> TunnelLedger::judgements(const TunnelEntry& entry) const {
  return judgements(*entry.plan->destination, entry.plan->port, entry.asked, entry.answer ? &*entry.answer : nullptr);
}

// And by each answer that there was.
std::vector<Judgement> TunnelLedger::judgements(const ForwardEntry& entry) const {
  if (entry.answers.empty()) return judgements(*entry.destination, entry.port, entry.asked, nullptr);
  std::vector<Judgement> all;
  for (const Endpoints& answer : entry.answers) {
    const std::vector<Judgement> some = judgements(*entry.destination, entry.port, entry.asked, &answer);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

bool TunnelLedger::forwards_to(const Endpoint& to) const {
  const auto is_it = [&](const Endpoint& each) { return each.unmapped() == to; };
  return std::ranges::any_of(forwarded_, [&](const auto& each) {
    const ForwardEntry& entry = each.second;
    const Destination& there = *entry.destination;
    if (entry.port != to.port || !wants(entry)) return false;
    if (there.kind == Kind::address)
      return is_it(address(there.addresses[0], to.port)) && std::ranges::any_of(judgements(entry), is_open);
    return std::ranges::any_of(entry.answers, [&](const Endpoints& answer) {
      return std::ranges::any_of(answer, is_it) &&
             std::ranges::any_of(judgements(there, entry.port, entry.asked, &answer), is_open);
    });
  });
}

void TunnelLedger::let_through(const RequestPlan& request) {
  if (std::ranges::none_of(judgements(forwarded_.at(request.id)), is_open))
    promises_.broken("exchange {} is forwarded though it is not allowed", request.id);
}

bool TunnelLedger::refused(const RequestPlan& request, const std::string& reason) {
  const ForwardEntry& entry = forwarded_.at(request.id);
  const std::vector<Judgement> all = judgements(entry);
  const bool in_vain = request.destination->kind == Kind::silent && reason == "upstream_name_timeout";
  const bool by_rules = std::ranges::any_of(all, [&](const Judgement& each) { return each.reason == reason; });
  if (in_vain || by_rules || reason == "client_bytes_exhausted") return true;
  const bool of_rules = reason.starts_with("destination_") || reason == "upstream_name_not_found";
  if (of_rules) promises_.broken("exchange {} is refused for a reason that does not hold: {}", request.id, reason);
  return false;
}

bool TunnelLedger::may_stand(const TunnelEntry& entry) const { return std::ranges::any_of(judgements(entry), is_open); }

bool TunnelLedger::has_to_stand(const TunnelEntry& entry) const {
  return std::ranges::all_of(judgements(entry), [&](const Judgement& each) {
    if (!each.reason.empty() || each.waits_for_names) return false;
    return !each.leads_by_parents ||
           (walk(entry.plan->parents[0], entry.plan->parents[1]).empty() && !in_outage(entry));
  });
}

bool TunnelLedger::may_be_refused(const TunnelEntry& entry) const {
  const std::string_view reason = entry.reason;
  const config::Tunnel& set = *settings_;
  const std::size_t beside = entry.most_beside;
  if (reason == "tunnels_exhausted") return set.max_tunnels != 0 && beside >= set.max_tunnels;
  if (reason == "client_tunnels_exhausted")
    return set.max_tunnels_per_client != 0 && beside >= set.max_tunnels_per_client;
  if (reason == "client_bytes_exhausted") return set.max_bytes_per_client != 0;
  if (reason == "upstream_name_timeout")
    return entry.looks_up && (!plan_.calm || entry.plan->destination->kind == Kind::silent);
  if (reason == "request_header_timeout") return !plan_.calm;
  const std::vector<Judgement> all = judgements(entry);
  if (std::ranges::any_of(all, [&](const Judgement& each) { return each.reason == reason; })) return true;
  const bool by_parents =
      std::ranges::any_of(all, [](const Judgement& each) { return each.reason.empty() && each.leads_by_parents; });
  const auto& parents = entry.plan->parents;
  if (by_parents && reason == walk(parents[0], parents[1])) return true;
  const bool in_disorder = by_parents && (in_outage(entry) || !plan_.calm);
  const bool of_one =
      reason == walk(parents[1], parents[0]) || reason == answer_of(parents[0]) || reason == answer_of(parents[1]);
  if (in_disorder && of_one) return true;
  if (by_parents && !plan_.calm && reason == "upstream_response_timeout") return true;
  if (by_parents && !entry.target_is_good() && reason == "upstream_reset_before_response") return true;
  const bool not_reached = reason == "upstream_connect_refused" || reason == "upstream_connect_failed" ||
                           reason == "upstream_connect_timeout";
  return not_reached && may_stand(entry) && (!plan_.calm || in_disorder);
}

// Why its ClientHello is not what it should be; empty: it is, or need not be.
std::string_view TunnelLedger::hello_refusal(const TunnelEntry& entry) const {
  if (!entry.plan->destination->host.ends_with(".tls.sim")) return {};
  return entry.plan->hello.answer(rules_.back().egress.denies_encrypted_hellos).reason;
}

// The first parent could not be reached when the tunnel was asked for, or may not have been found again.
bool TunnelLedger::in_outage(const TunnelEntry& entry) const {
  const TimePoint begin = loop_.now() - loop_.elapsed();
  if (plan_.tunnels.outage_ends == Duration::zero()) return false;
  const Duration look = settings_->parent_check_interval * 11 / 10 + 200ms;
  return loop_.now() >= begin + plan_.tunnels.outage_begins && entry.asked <= begin + plan_.tunnels.outage_ends + look;
}

// ---- the end --------------------------------------------------------------------------------------------------------

void TunnelLedger::judge() {
  unsigned without_header = 0;
  for (const auto& [id, entry] : entries_) {
    judge(entry);
    const ProxyHeader header = entry.plan->header;
    if (entry.link != nullptr && (header == ProxyHeader::broken || header == ProxyHeader::late)) ++without_header;
  }
  if (plan_.calm && turned_away_ != without_header && plan_.drain == Duration::zero())
    promises_.broken("{} connections without a PROXY header were turned away, and not {}", turned_away_,
                     without_header);
}

void TunnelLedger::judge(const TunnelEntry& entry) {
  const unsigned id = entry.plan->id;
  if (entry.link == nullptr) return;
  const bool read =
      entry.status >= 200 && entry.reason != "request_header_timeout" && entry.reason != "request_malformed";
  const bool noticed = read || entry.looks_up || !entry.ends.empty();  // its head was whole
  if (entry.records.size() > 1 || (noticed && entry.records.empty()))
    return promises_.broken("tunnel {} has {} records in the access log", id, entry.records.size());
  if (entry.client_is_good() && entry.outcome == Outcome::open)
    return promises_.broken("tunnel {} never ended for its client", id);
  const bool stands = entry.status == 200;
  if (stands && !may_stand(entry)) promises_.broken("tunnel {} stands though it is not allowed", id);
  if (entry.status >= 400) judge_refusal(entry);
  if (!entry.records.empty()) judge_record(entry, entry.records[0]);
  const bool has_header = entry.plan->header != ProxyHeader::broken && entry.plan->header != ProxyHeader::late;
  if (!plan_.calm || !has_header) return;
  const bool may_fail = entry.outcome == Outcome::unanswered && promises_.draining;
  const bool no_place = entry.reason.ends_with("tunnels_exhausted");
  if (has_to_stand(entry) && hello_refusal(entry).empty() && entry.outcome != Outcome::complete && !may_fail &&
      !no_place)
    promises_.broken("tunnel {} came to nothing ({}, {}) though nothing went wrong", id, entry.status, entry.reason);
}

void TunnelLedger::judge_refusal(const TunnelEntry& entry) {
  if (!may_be_refused(entry))
    promises_.broken("tunnel {} is refused with {} \"{}\"", entry.plan->id, entry.status, entry.reason);
}

void TunnelLedger::judge_record(const TunnelEntry& entry, const TunnelEntry::Record& record) {
  const unsigned id = entry.plan->id;
  if (entry.status != 0 && record.status != entry.status)
    promises_.broken("tunnel {} was answered {}, and its record says {}", id, entry.status, record.status);
  if (entry.status >= 400 && record.reason != entry.reason)
    promises_.broken("tunnel {} was told \"{}\", and its record says \"{}\"", id, entry.reason, record.reason);
  const bool spoken_for = entry.plan->header == ProxyHeader::v1 || entry.plan->header == ProxyHeader::v2;
  const std::string client = spoken_for ? entry.plan->speaks_for.ip() : entry.link->far().ip();
  if (record.client != client) promises_.broken("tunnel {} is {}'s, and its record says {}", id, client, record.client);
  if (record.status == 200) return judge_end(entry, record);
  if (record.reason.empty()) promises_.broken("the record of tunnel {} has no reason", id);
  if (record.bytes_down != 0 && entry.status == 200) promises_.broken("tunnel {} has moved bytes", id);
}

// Why a tunnel that stood has ended, and how much it has moved.
void TunnelLedger::judge_end(const TunnelEntry& entry, const TunnelEntry::Record& record) {
  const unsigned id = entry.plan->id;
  const config::Tunnel& set = *settings_;
  const std::string_view reason = record.reason;
  const std::string_view hello = hello_refusal(entry);
  std::uint64_t down = 0;
  std::size_t received = 0;
  for (const auto& end : entry.ends) {
    down += end->link->read_by_culvert() - std::min(end->link->read_by_culvert(), end->head);
    received += end->received;
  }
  const bool never_relayed = (!hello.empty() || entry.plan->hello.kind != Hello::Kind::none) && received == 0 &&
                             record.bytes_up == 0 && record.bytes_down == 0;
  if (!never_relayed && (record.bytes_up != entry.link->read_by_culvert() - entry.head || record.bytes_down != down)) {
    promises_.broken("tunnel {} has moved {} and {} bytes, and its record says {} and {}", id,
                     entry.link->read_by_culvert() - entry.head, down, record.bytes_up, record.bytes_down);
  }
  const std::uint64_t both = record.bytes_up + record.bytes_down;
  const bool client_is_good = entry.client_is_good();
  const bool target_is_good = entry.target_is_good();
  bool right = false;
  if (reason.empty()) {
    const bool arrived = std::ranges::any_of(entry.ends, [](const auto& end) { return end->complete; });
    right = hello.empty() && (arrived || !client_is_good || !target_is_good) &&
            (entry.outcome == Outcome::complete || !client_is_good || !target_is_good);
  } else if (reason == "tunnel_idle_timeout") {
    right = set.idle_timeout.count() != 0 && record.duration >= set.idle_timeout;
  } else if (reason == "tunnel_lifetime") {
    right = set.max_lifetime.count() != 0 && record.duration >= set.max_lifetime;
  } else if (reason == "tunnel_max_bytes") {
    right = set.max_bytes != 0 && both > set.max_bytes;
  } else if (reason == "client_bytes_exhausted") {
    right = set.max_bytes_per_client != 0;
  } else if (reason == "tunnel_closed") {
    right = closed_by_operator_;
  } else if (reason == "tunnel_client_reset" || reason == "client_aborted") {
    right = !client_is_good;
  } else if (reason == "tunnel_upstream_reset") {
    right = !target_is_good;
  } else {
    right = reason == hello || (reason == "tls_hello_timeout" && !plan_.calm);
  }
  if (!right) promises_.broken("tunnel {} has ended with \"{}\"", id, reason);
  if (set.max_lifetime.count() != 0) {
    const Duration slack = 2s * static_cast<int>(plan_.jumps.size()) + 1s;
    if (record.duration > set.connect_timeout * 3 + set.hello_timeout + set.max_lifetime + slack)
      promises_.broken("tunnel {} has stood for longer than it may", id);
  }
}

}  // namespace culvert::simulation
