// What became of each exchange, as seen from both ends, and the promises that this is held against. The first broken
// promise ends a simulation.
#pragma once
#include <fmt/format.h>

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
  std::uint64_t read_before = 0;  // of the link by culvert
  std::size_t received = 0;       // of the request's body
  ResponsePlan plan;
};

struct Entry {
  const RequestPlan* plan = nullptr;
  bool disturbed = false;  // by its client: it resets, stalls, ...
  unsigned sends = 0;      // by its client: again after a connection that said it would close
  std::vector<Attempt> attempts;
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

  SimLoop& loop_;
  Trace& trace_;
  const Plan& plan_;
  std::map<unsigned, Entry> entries_;
  std::string first_broken_;
};

}  // namespace culvert::simulation
