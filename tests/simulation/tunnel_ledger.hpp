// What became of each tunnel, as seen from its client, its destination, the parent proxies, the name servers, the
// network and the access log; and the promises that this is held against.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "simulation/ledger.hpp"

namespace culvert::simulation {

// What has come of a tunnel's stream at the other end. There may be several: of two connections that stand at the same
// time culvert drops one.
struct FarEnd {
  const Link* link = nullptr;
  std::uint64_t head = 0;    // bytes before the stream: a parent's answer
  std::size_t received = 0;  // of the client's stream
  bool complete = false;     // and its end
};

struct TunnelEntry {
  enum class Outcome : std::uint8_t { open, complete, refused, cut, unanswered };
  struct Record {
    int status = 0;
    std::string reason;
    std::uint64_t bytes_up = 0;
    std::uint64_t bytes_down = 0;
    Duration duration{};
    std::string client;
  };

  struct AtParent {
    bool asked = false;
    const Link* link = nullptr;  // from when it has answered
    std::size_t answer = 0;      // bytes of that
  };

  explicit TunnelEntry(const TunnelPlan& of) : plan(&of), up(TunnelStream::up(of)), down(TunnelStream::down(of)) {}

  const TunnelPlan* plan;
  TunnelStream up;
  TunnelStream down;
  const Link* link = nullptr;  // of its client, from when it asks
  std::uint64_t head = 0;      // bytes on it before the stream
  TimePoint asked{};
  bool looks_up = false;            // the name servers have been asked
  std::optional<Endpoints> answer;  // of theirs; empty: there is no address
  std::vector<std::unique_ptr<FarEnd>> ends;
  std::array<AtParent, parents_max> parents{};
  std::size_t most_beside = 0;  // tunnels that its clients had asked for at the same time
  int status = 0;               // that the client was told
  std::string reason;           // likewise
  std::size_t received = 0;     // of the destination's stream
  Outcome outcome = Outcome::open;
  std::vector<Record> records;

  bool client_is_good() const { return plan->client.mood == TunnelPlan::Mood::plain; }
  bool target_is_good() const { return plan->target.mood == TunnelPlan::Mood::plain; }
};

// A request with an http:// target, of a client of the same proxy.
struct ForwardEntry {
  const Destination* destination = nullptr;
  std::uint16_t port = 0;
  const Link* link = nullptr;
  TimePoint asked{};
  std::vector<Endpoints> answers;  // of the name servers, since it was asked for
};

class TunnelLedger {
 public:
  TunnelLedger(SimLoop& loop, Trace& trace, Ledger& promises, const Plan& plan);

  TunnelEntry& entry(unsigned id);
  // Of the tunnel that a port belongs to; null where none does.
  TunnelEntry* find(std::uint16_t port);

  // ---- what happens
  void rules_change(const Egress& egress);
  void asks(const TunnelPlan& plan, const Link& link, std::uint64_t head);
  void asks(const RequestPlan& request, const Link& link);
  // Its name is looked up; nothing: the name servers will not answer.
  std::optional<Result<Endpoints>> look_up(const std::string& name, std::uint16_t port);
  void dialled(const Endpoint& to);
  void parent_asked(unsigned id, std::size_t parent);
  void parent_answers(unsigned id, std::size_t parent, const Link& link, std::size_t bytes);
  FarEnd& arrived(unsigned id, const Link& link, std::uint64_t head);
  void record(std::string_view line);
  void closed_by_operator() { closed_by_operator_ = true; }

  // ---- what is looked at
  void arrived_up(TunnelEntry& entry, FarEnd& end, std::string_view part);
  void arrived_down(TunnelEntry& entry, std::string_view part);
  void ended_up(TunnelEntry& entry, FarEnd& end);
  void ended_down(TunnelEntry& entry);
  // The answer to a forwarded request: of its destination, or a refusal, with its reason. Whether that had to be.
  void let_through(const RequestPlan& request);
  bool refused(const RequestPlan& request, const std::string& reason);
  void judge();

 private:
  struct InForce {
    TimePoint since;
    Egress egress;
  };

  std::optional<Result<Endpoints>> answer(const Destination& destination, const std::string& name, std::uint16_t port,
                                          Endpoints& found);
  std::vector<Judgement> judgements(const Destination& destination, std::uint16_t port, TimePoint asked,
                                    const Endpoints* answer) const;
  std::vector<Judgement> judgements(const TunnelEntry& entry) const;
  std::vector<Judgement> judgements(const ForwardEntry& entry) const;
  std::optional<Result<Endpoints>> look_up_to_forward(const std::string& name, std::uint16_t port);
  bool forwards_to(const Endpoint& to) const;
  bool may_stand(const TunnelEntry& entry) const;
  bool has_to_stand(const TunnelEntry& entry) const;
  bool may_be_refused(const TunnelEntry& entry) const;
  std::string_view hello_refusal(const TunnelEntry& entry) const;
  void judge(const TunnelEntry& entry);
  void judge_refusal(const TunnelEntry& entry);
  void judge_record(const TunnelEntry& entry, const TunnelEntry::Record& record);
  void judge_end(const TunnelEntry& entry, const TunnelEntry::Record& record);
  bool in_outage(const TunnelEntry& entry) const;
  // Its client is there. Who dials hears only later in the turn that he is not.
  template <class Any>
  bool wants(const Any& entry) const {
    return entry.link != nullptr && (entry.link->near_open() || entry.link->closed_at() == loop_.now());
  }

  SimLoop& loop_;
  Trace& trace_;
  Ledger& promises_;
  const Plan& plan_;
  const config::Tunnel* settings_ = nullptr;  // null where there are no tunnels
  Random random_;
  std::vector<Endpoint> own_;
  std::vector<InForce> rules_;
  std::map<unsigned, TunnelEntry> entries_;
  std::map<unsigned, ForwardEntry> forwarded_;
  std::map<std::string, unsigned, std::less<>> lookups_;
  unsigned turned_away_ = 0;  // records of connections that never came to a request
  bool closed_by_operator_ = false;
};

}  // namespace culvert::simulation
