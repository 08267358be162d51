// What became of each exchange, as seen from both ends, and the promises that this is held against. The first broken
// promise ends a simulation.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "simulation/plan.hpp"
#include "simulation/sim_loop.hpp"
#include "simulation/trace.hpp"

namespace culvert::simulation {

struct Attempt {  // of culvert, to have an exchange done by an origin
  const Link* link = nullptr;
  bool first_on_connection = true;
  bool ended = false;             // by the origin, unanswered or amid its answer
  std::uint64_t head_bytes = 0;   // of its answer, interim ones included; 0: none was sent
  std::uint64_t read_before = 0;  // of the link by culvert
  std::size_t received = 0;       // of the request's body
  ResponsePlan plan;
};

struct Entry {
  const RequestPlan* plan = nullptr;
  bool disturbed = false;  // by its client: it resets, stalls, ...
  unsigned sends = 0;      // by its client: again after a connection that said it would close
  std::vector<Attempt> attempts;
  Duration asked{};         // when its client began to send it, the last time
  Duration answered{};      // when the head of its answer was there
  std::string refused_for;  // the reason of an answer that is culvert's own
  enum class Outcome : std::uint8_t { open, complete, refused, cut, unanswered } outcome = Outcome::open;
  Endpoint client;  // on whose behalf it is done
  bool rightly_refused = false;
  int status = 0;        // that the client saw
  unsigned records = 0;  // in the access log
};

class Ledger {
 public:
  Ledger(SimLoop& loop, Trace& trace, const Plan& plan);

  Entry& entry(unsigned id);
  Attempt& begin_attempt(unsigned id, const Link& link, bool first_on_connection);
  void record(std::string_view line);  // of the access log
  // What holds from now on, for new requests.
  void applied(const config::Config& config);
  void looked_at(const Endpoint& server);  // by a health check
  void gave_cookie(const Entry& entry);
  // The head of the answer to a request has come.
  void answered(Entry& entry, std::string refused_for);

  // A promise was broken.
  template <class... Args>
  void broken(fmt::format_string<Args...> text, Args&&... args) {
    break_promise(fmt::format(text, std::forward<Args>(args)...));
  }
  const std::string& first_broken() const { return first_broken_; }

  // At the end, when nothing will ever happen again.
  void judge();

  bool draining = false;

 private:
  void break_promise(std::string text);
  void judge(const Entry& entry);
  bool may_fail(const Entry& entry) const;
  bool may_repeat(const Entry& entry, const Attempt& last) const;
  void check_repeat(const Entry& entry);
  void check_drained(const Entry& entry, const Link& link);
  void check_held(const Entry& entry);
  bool is_rightly_refused(const Entry& entry) const;
  bool has_outages() const;
  bool may_be_unreachable(const Entry& entry) const;
  // Whether some of the rules that may hold for it say so.
  template <class Says>
  bool any_rule(const Entry& entry, Says&& says) const {
    const auto rules = rules_.find(upstream_of(*entry.plan));
    return rules == rules_.end() ? says(CareRules{}) : std::ranges::any_of(rules->second, says);
  }

  SimLoop& loop_;
  Trace& trace_;
  const Plan& plan_;
  std::map<unsigned, Entry> entries_;
  std::map<std::string, std::vector<CareRules>> rules_;  // of each upstream, as they were one after another
  std::string first_broken_;
};

}  // namespace culvert::simulation
