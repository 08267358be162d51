#include "simulation/parent.hpp"

#include <charconv>
#include <utility>

#include "simulation/message_reader.hpp"

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view credentials = "Basic Y3VsdmVydDpzZWNyZXQ=";  // culvert:secret

}  // namespace

class Parent::Connection final : public Link::Far, private MessageReader::Reader {
 public:
  Connection(Parent& parent, Link& link) : parent_(parent), link_(link), reader_(MessageReader::Kind::request, *this) {
    link_.play(*this);
  }

 private:
  void on_bytes(std::string_view bytes) override {
    if (gone_) return;
    if (entry_ != nullptr)
      return parent_.promises_.broken("a parent is sent a tunnel's bytes before it leads anywhere");
    reader_.feed(bytes);
    if (!reader_.broken().empty())
      parent_.promises_.broken("a parent was sent bytes that are not HTTP: {}", reader_.broken());
    if (entry_ != nullptr && !reader_.between())
      parent_.promises_.broken("a parent is sent a tunnel's bytes before it leads anywhere");
  }
  void on_end() override { leave(); }
  void on_reset() override { gone_ = true; }

  bool on_head(const MessageReader::Head& head) override {
    const std::string& target = head.target;
    std::uint16_t port = 0;
    const std::size_t colon = target.rfind(':');
    std::from_chars(target.data() + colon + 1, target.data() + target.size(), port);
    entry_ = parent_.ledger_.find(port);
    if (entry_ == nullptr || head.method != "CONNECT" || target != entry_->plan->authority())
      return parent_.promises_.broken("a parent is asked for {} {}", head.method, target), false;
    const std::string* const host = find(head.fields, "Host");
    const std::string* const given = find(head.fields, "Proxy-Authorization");
    if (host == nullptr || *host != target || find(head.fields, "Via") == nullptr || given == nullptr ||
        *given != credentials)
      parent_.promises_.broken("a parent is asked for tunnel {} in another way than it should be", entry_->plan->id);
    parent_.trace_.add(parent_.loop_.elapsed(), "{} asks for tunnel {}", link_.name(), entry_->plan->id);
    parent_.ledger_.parent_asked(entry_->plan->id, parent_.number_);
    const Duration think = 1ms * static_cast<int>(parent_.random_.below(100));
    parent_.loop_.after(think, [this] { answer(); });
    return false;
  }
  void on_body(std::string_view) override {}
  void on_message_end(const Fields&) override {}

  void answer() {
    if (gone_) return;
    switch (entry_->plan->parents[parent_.number_]) {
      case ParentAnswer::leads:
        return lead("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
      case ParentAnswer::informs_and_leads:
        return lead("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 Connection established\r\n\r\n");
      case ParentAnswer::refuses:
        return say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      case ParentAnswer::wants_a_password:
        return say(
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: "
            "0\r\n\r\n");
      case ParentAnswer::fails:
        return say("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
      case ParentAnswer::is_busy:
        return say("HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n");
      case ParentAnswer::goes_round:
        return say("HTTP/1.1 508 Loop Detected\r\nContent-Length: 0\r\n\r\n");
      case ParentAnswer::switches:
        return say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
      case ParentAnswer::nonsense:
        return say("SSH-2.0-OpenSSH_9.2\r\n\r\n");
      case ParentAnswer::cut:
        link_.send("HTTP/1.1 200 OK\r\nX-");
        return leave();
      case ParentAnswer::closes:
        return leave();
      case ParentAnswer::resets:
        gone_ = true;
        return link_.reset();
      case ParentAnswer::hangs:
        return;
    }
  }

  // Bytes of the destination may follow in the same piece.
  void lead(std::string_view head) {
    link_.send(head);
    stream_ =
        std::make_unique<TargetStream>(parent_.loop_, parent_.trace_, parent_.ledger_, *entry_, link_, head.size());
  }
  void say(std::string_view text) {
    parent_.ledger_.parent_answers(entry_->plan->id, parent_.number_, link_, text.size());
    link_.send(text);
  }
  void leave() {
    if (!std::exchange(gone_, true)) link_.close();
  }

  Parent& parent_;
  Link& link_;
  MessageReader reader_;
  TunnelEntry* entry_ = nullptr;          // what it is asked for
  std::unique_ptr<TargetStream> stream_;  // where it leads; plays the link from then on
  bool gone_ = false;
};

Parent::Parent(SimLoop& loop, Trace& trace, TunnelLedger& ledger, Ledger& promises, const Plan& plan,
               std::size_t number, Random random)
    : loop_(loop), trace_(trace), ledger_(ledger), promises_(promises), plan_(plan), number_(number), random_(random) {}

Parent::~Parent() = default;

SimNetwork::Fate Parent::next_attempt() {
  const TunnelsPlan& tunnels = plan_.tunnels;
  const bool out = loop_.elapsed() >= tunnels.outage_begins && loop_.elapsed() < tunnels.outage_ends;
  if (out && number_ == 0) return SimNetwork::Fate::refuses;
  if (tunnels.targets_fail && random_.one_in(8)) return SimNetwork::Fate::refuses;
  if (tunnels.targets_fail && random_.one_in(8)) return SimNetwork::Fate::hangs;
  return SimNetwork::Fate::accepts;
}

void Parent::accept(Link& link) { connections_.push_back(std::make_unique<Connection>(*this, link)); }

}  // namespace culvert::simulation
