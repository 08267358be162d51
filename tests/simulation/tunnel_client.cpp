#include "simulation/tunnel_client.hpp"

#include <utility>

#include "simulation/message_reader.hpp"
#include "simulation/tunnel_end.hpp"

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;
using Outcome = TunnelEntry::Outcome;

// Who asks in order gets its answer; who does not is not heard.
std::string head_of(const TunnelPlan& tunnel, const Endpoint& listener) {
  return proxy_header(tunnel.header, tunnel.speaks_for, listener) +
         fmt::format("CONNECT {} HTTP/1.{}\r\nHost: {}\r\nProxy-Authorization: Basic c2VjcmV0\r\n\r\n",
                     tunnel.authority(), tunnel.http10 ? 0 : 1, tunnel.authority());
}

}  // namespace

class TunnelClient::Connection final : public Link::Far, private MessageReader::Reader {
 public:
  Connection(TunnelClient& client, Link& link, const TunnelPlan& plan)
      : client_(client),
        link_(link),
        plan_(plan),
        entry_(client.ledger_.entry(plan.id)),
        stream_(entry_.up.text()),
        reader_(MessageReader::Kind::response, *this),
        end_(client.loop_, client.trace_, link, plan.client, [this] { over(); }) {
    link_.play(*this);
  }

  void ask() {
    const std::string head = head_of(plan_, link_.near_address());
    client_.trace_.add(client_.loop_.elapsed(), "{} asks for tunnel {}: {}", link_.name(), plan_.id, plan_.authority());
    client_.ledger_.asks(plan_, link_, head.size());
    if (plan_.header == ProxyHeader::broken || plan_.header == ProxyHeader::late)
      return end_.send(proxy_header(plan_.header, plan_.speaks_for, link_.near_address()), false);
    end_.send(head + stream_.substr(0, plan_.early), false);
    stream_.erase(0, plan_.early);
  }

 private:
  void on_bytes(std::string_view bytes) override {
    if (end_.over()) return;
    reader_.feed(bytes);
    if (!reader_.broken().empty())
      client_.promises_.broken("a client was sent bytes that are not HTTP: {}", reader_.broken());
    if (end_.over() || !client_.plan_.slow || !client_.random_.one_in(3)) return;
    link_.read(false);
    client_.loop_.after(1ms * static_cast<int>(client_.random_.below(100)), [this] { link_.read(true); });
  }

  void on_end() override {
    if (end_.over()) return;
    if (!stands_) return end_.leave();
    client_.ledger_.ended_down(entry_);
    const bool whole = entry_.received == entry_.down.size() && plan_.hello.kind != Hello::Kind::late;
    if (!whole) return end_.leave();
    ended_ = true;
    if (plan_.client.waits) end_.send(std::exchange(stream_, {}), true);
    end_.peer_ended();
  }

  void on_reset() override { end_.lost(); }

  bool on_head(const MessageReader::Head& head) override {
    if (head.status < 200 || stands_ || entry_.status != 0) {
      client_.promises_.broken("tunnel {} has an answer {} that nobody has asked for", plan_.id, head.status);
      return false;
    }
    entry_.status = head.status;
    entry_.reason = reason_in(head.fields);
    stands_ = head.status == 200;
    client_.trace_.add(client_.loop_.elapsed(), "{} answers tunnel {} with {} {}", link_.name(), plan_.id, head.status,
                       entry_.reason);
    if (!stands_) {
      if (entry_.reason.empty()) client_.promises_.broken("tunnel {} is refused without a reason", plan_.id);
      return true;
    }
    if (find(head.fields, "Content-Length") != nullptr || find(head.fields, "Transfer-Encoding") != nullptr)
      client_.promises_.broken("the answer to CONNECT has a body");  // RFC 9110 9.3.6
    reader_.leave_http();
    const bool says_more = !plan_.client.waits && plan_.hello.kind != Hello::Kind::late;
    if (says_more) end_.send(std::exchange(stream_, {}), true);
    return true;
  }

  void on_body(std::string_view part) override {
    if (stands_) client_.ledger_.arrived_down(entry_, part);
  }

  void on_message_end(const Fields&) override {
    if (stands_) return;
    entry_.outcome = Outcome::refused;
    end_.leave();
  }

  void over() {
    if (entry_.outcome == Outcome::open) {
      entry_.outcome = !stands_                        ? Outcome::unanswered
                       : ended_ && end_.has_finished() ? Outcome::complete
                                                       : Outcome::cut;
    }
    client_.loop_.after(1ms, [&client = client_] { client.next(); });
  }

  TunnelClient& client_;
  Link& link_;
  const TunnelPlan& plan_;
  TunnelEntry& entry_;
  std::string stream_;  // what is not yet sent of it
  MessageReader reader_;
  TunnelEnd end_;
  bool stands_ = false;
  bool ended_ = false;  // the destination's stream
};

TunnelClient::TunnelClient(SimLoop& loop, Trace& trace, TunnelLedger& ledger, Ledger& promises,
                           const TunnelClientPlan& plan, Random random, Dial dial, std::function<void()> on_done)
    : loop_(loop),
      trace_(trace),
      ledger_(ledger),
      promises_(promises),
      plan_(plan),
      random_(random),
      dial_(std::move(dial)),
      on_done_(std::move(on_done)) {
  loop_.after(plan.begins, [this] { next(); });
}

TunnelClient::~TunnelClient() = default;

void TunnelClient::next() {
  const bool more = connections_.size() < plan_.tunnels.size();
  Link* const link = more ? dial_() : nullptr;
  if (link == nullptr) {
    done_ = true;
    return on_done_();
  }
  const TunnelPlan& tunnel = plan_.tunnels[connections_.size()];
  Connection& connection = *connections_.emplace_back(std::make_unique<Connection>(*this, *link, tunnel));
  loop_.after(tunnel.client.think, [&connection] { connection.ask(); });
}

}  // namespace culvert::simulation
