#include "simulation/sim_network.hpp"

#include <algorithm>
#include <utility>

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;

const Endpoint culvert_at = *Endpoint::parse_ip("10.0.0.1", 8080);

}  // namespace

SimNetwork::SimNetwork(SimLoop& loop, Trace& trace, std::string name, const Weather& weather, Random random)
    : loop_(loop), trace_(trace), name_(std::move(name)), weather_(weather), random_(random) {}

Link& SimNetwork::make(const Link::Ends& ends) {
  const std::size_t number = links_.size();
  return *links_.emplace_back(
      std::make_unique<Link>(loop_, trace_, name_ + std::to_string(number), ends, weather_, random_.fork(number)));
}

Link& SimNetwork::arrive(const Endpoint& from) {
  Link& link = make({culvert_at, from});
  link.connected();
  trace_.add(loop_.elapsed(), "{} from a client", link.name());
  return link;
}

SimNetwork::Host* SimNetwork::host_at(Endpoint address) const {
  auto found = hosts_.find(address.to_string());
  address.port = 0;
  if (found == hosts_.end()) found = hosts_.find(address.to_string());
  return found == hosts_.end() ? nullptr : found->second;
}

Result<std::unique_ptr<Transport>> SimNetwork::connect(const Address& address, const ConnectOptions&) {
  if (seen_) seen_(address.ip);
  Host* const there = host_at(address.ip);
  if (address.ip.family == Endpoint::Family::ipv6 && there == nullptr) {
    trace_.add(loop_.elapsed(), "{} leads nowhere", address.ip.to_string());
    return make({culvert_at, address.ip}).near();
  }
  if (there == nullptr) return std::make_error_code(std::errc::network_unreachable);
  Host& host = *there;
  Link& link = make({culvert_at, address.ip});
  dialled_.emplace_back(&host, &link);
  trace_.add(loop_.elapsed(), "{} to {}", link.name(), address.ip.to_string());
  const Duration there_and_back =
      2 * (weather_.delay_min +
           Duration(static_cast<Duration::rep>(
               random_.below(static_cast<std::uint64_t>((weather_.delay_max - weather_.delay_min).count()) + 1))));
  switch (host.next_attempt()) {
    case Fate::hangs:
      break;
    case Fate::refuses:
      loop_.after(there_and_back, [&link] { link.refuse(); });
      break;
    case Fate::accepts:
      loop_.after(there_and_back, [&link, &host] {
        if (!link.near_open()) return;  // nobody wants it any more
        host.accept(link);
        link.connected();
      });
  }
  return link.near();
}

bool SimNetwork::is_local(const Endpoint& address) const { return address.ip() == culvert_at.ip(); }

Result<std::unique_ptr<Acceptor>> SimNetwork::listen(const ListenOptions&, OnConnection, OnError) {
  return std::make_error_code(std::errc::operation_not_supported);  // clients are handed to culvert as they arrive
}

std::size_t SimNetwork::open() const {
  return static_cast<std::size_t>(std::ranges::count_if(links_, [](const auto& link) { return link->near_open(); }));
}

std::size_t SimNetwork::open_to(const Host& host) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      dialled_, [&](const auto& entry) { return entry.first == &host && entry.second->near_open(); }));
}

Resolution SimResolver::resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions&,
                                Done done) {
  auto question = std::make_shared<Question>(Question{loop, port, std::move(done)});
  const std::optional<Result<Endpoints>> answer = this->answer(name, port);
  trace_.add(loop_.elapsed(), "{} looked up, {}", name, !answer ? "in vain" : *answer ? "found" : "not found");
  const Duration takes = 1ms * static_cast<int>(random_.below(may_fail_ ? 4'000 : 40));
  if (!answer) return Resolution(std::move(question));
  loop_.after(takes, [question, answer] {
    if (Done told = std::exchange(question->done, {})) told(*answer);
  });
  return Resolution(std::move(question));
}

WhereResolution SimResolver::locate(Loop& loop, const Address& address, const LookupOptions&, WhereDone done) {
  auto question = std::make_shared<WhereQuestion>(WhereQuestion{loop, address.port, std::move(done)});
  const std::optional<Result<Whereabouts>> answer = find(address);
  trace_.add(loop_.elapsed(), "{} looked for, {}", address.to_string(), !answer ? "in vain" : *answer ? "found" : "not found");
  const Duration takes = 1ms * static_cast<int>(random_.below(may_fail_ ? 4'000 : 40));
  if (!answer) return WhereResolution(std::move(question));
  loop_.after(takes, [question, answer] {
    if (WhereDone told = std::exchange(question->done, {})) told(*answer);
  });
  return WhereResolution(std::move(question));
}

std::optional<Result<Whereabouts>> SimResolver::find(const Address& address) {
  Whereabouts where;
  if (address.kind == Address::Kind::service) {
    where.hosts = services_.at(address.text);
  } else {
    where.hosts.push_back({.host = address.text, .port = address.port, .priority = 0, .weight = 0, .endpoints = {}});
  }
  bool anybody = false;
  for (NamedHost& host : where.hosts) {
    std::optional<Result<Endpoints>> found = answer(host.host, host.port);
    if (!found) return std::nullopt;
    if (!*found) continue;
    host.endpoints = std::move(**found);
    anybody = true;
  }
  if (!anybody) return Result<Whereabouts>(errc::name_not_found);
  if (random_.one_in(2)) where.lifetime = std::chrono::seconds(random_.below(4));
  return Result<Whereabouts>(std::move(where));
}

std::optional<Result<Endpoints>> SimResolver::answer(const std::string& name, std::uint16_t port) {
  const auto known = names_.find(name);
  if (known == names_.end()) return servers_ ? servers_(name, port) : Result<Endpoints>(errc::name_not_found);
  if (may_fail_ && random_.one_in(8)) return Result<Endpoints>(errc::name_not_found);
  Endpoints endpoints = known->second;
  for (Endpoint& endpoint : endpoints) endpoint.port = port;
  return Result<Endpoints>(std::move(endpoints));
}

}  // namespace culvert::simulation
