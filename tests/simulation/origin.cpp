#include "simulation/origin.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "simulation/message_reader.hpp"

namespace culvert::simulation {

using Fault = ResponsePlan::Fault;

class Origin::Connection final : public Link::Far, private MessageReader::Reader {
 public:
  Connection(Origin& origin, Link& link) : origin_(origin), link_(link), reader_(MessageReader::Kind::request, *this) {
    link_.play(*this);
  }

  bool is_open_stream() const { return streams_ && link_.near_open(); }
  // An early answer may be complete, for culvert, before the request is.
  bool is_under_way() const { return busy() && !gone_ && !streams_ && !plan_.early && link_.near_open(); }

 private:
  // ---- what comes in
  void on_bytes(std::string_view bytes) override {
    if (gone_) return;
    if (origin_.with_header_ && !speaker_) {
      if (!read_header(bytes)) return;
      bytes = before_;
    }
    reader_.feed(bytes);
    if (!reader_.broken().empty())
      origin_.ledger_.broken("an upstream was sent bytes that are not HTTP: {}", reader_.broken());
  }
  bool read_header(std::string_view bytes) {
    before_ += bytes;
    bool broken = false;
    speaker_ = take_proxy_header(before_, broken);
    if (broken) origin_.ledger_.broken("an upstream was sent something else than a PROXY header");
    return speaker_.has_value();
  }

  void on_end() override {
    if (!streams_) return leave();
    ended_ = true;
    const bool begun = entry_->status == 101;  // else culvert may have given up before it heard of the change
    if (begun && received_ != entry_->plan->stream && !entry_->disturbed) {
      origin_.ledger_.broken("the stream of exchange {} came to an end after {} of {} bytes", entry_->plan->id,
                             received_, entry_->plan->stream);
    }
    if (!answering_) leave();
  }
  void on_reset() override { gone_ = true; }

  bool on_head(const MessageReader::Head& head) override {
    if (head.target == health_path) return on_look(head);
    if (busy()) origin_.ledger_.broken("{} carries a request before the last was answered", link_.name());
    if (plan_.fault == Fault::extra_bytes)
      origin_.ledger_.broken("{} was used again after bytes that belong to no answer", link_.name());
    if (find(head.fields, "Via") == nullptr) origin_.ledger_.broken("a request without Via");
    if (has_served_its_last()) origin_.ledger_.broken("{} was used again after its last request", link_.name());
    const std::size_t slash = head.target.rfind('/');
    unsigned id = 0;
    std::from_chars(head.target.data() + slash + 1, head.target.data() + head.target.size(), id);
    entry_ = &origin_.ledger_.entry(id);
    if (speaker_ && *speaker_ != entry_->client)
      origin_.ledger_.broken("exchange {} is said to be {}'s", id, speaker_->to_string());
    if (head.method != entry_->plan->method) origin_.ledger_.broken("exchange {} came as {}", id, head.method);
    const bool announces =
        find(head.fields, "Content-Length") != nullptr || find(head.fields, "Transfer-Encoding") != nullptr;
    if (announces != (entry_->plan->framing != Framing::none)) {
      origin_.ledger_.broken("exchange {} came {} a body", id, announces ? "with" : "without");
    }
    const std::string* protocols = find(head.fields, "Upgrade");
    const bool asks = protocols != nullptr && *protocols == "websocket";
    if (entry_->plan->upgrades ? !asks : protocols != nullptr)
      origin_.ledger_.broken("exchange {} asks for another protocol than its client did", id);
    attempt_number_ = entry_->attempts.size();
    plan_ = origin_.ledger_.begin_attempt(id, link_, std::exchange(served_, served_ + 1) == 0).plan;
    closes_ = plan_.closes || head.closes();
    reading_ = true;
    origin_.trace_.add(origin_.loop_.elapsed(), "{} brings exchange {}, attempt {}", link_.name(), id,
                       attempt_number_ + 1);
    answering_ = false;
    said_ = 0;
    if (find(head.fields, "Expect") != nullptr && !plan_.early) inform("HTTP/1.1 100 Continue\r\n\r\n");
    if (plan_.early) think();
    return true;
  }

  // A health check has no more to say.
  bool on_look(const MessageReader::Head& head) {
    origin_.trace_.add(origin_.loop_.elapsed(), "{} asks how the origin is", link_.name());
    origin_.ledger_.looked_at(link_.far());
    const std::string* const agent = find(head.fields, "User-Agent");
    if (head.method != "GET" || agent == nullptr || *agent != "culvert" || !head.closes())
      origin_.ledger_.broken("a health check that is none");
    const bool fails = origin_.host_.fails_looks && origin_.random_.one_in(2);
    if (fails && origin_.random_.one_in(2)) return true;  // unanswered
    link_.send(fmt::format("HTTP/1.1 {} Whatever\r\nContent-Length: 4\r\n\r\nwell", fails ? 503 : 200));
    return true;
  }

  void on_body(std::string_view part) override {
    if (streams_) {
      if (!Body::of_stream(*entry_->plan).has(std::exchange(received_, received_ + part.size()), part))
        origin_.ledger_.broken("the stream of exchange {} arrived differently from how it was sent", entry_->plan->id);
      return;
    }
    if (!Body::of_request(*entry_->plan)
             .has(std::exchange(attempt().received, attempt().received + part.size()), part)) {
      origin_.ledger_.broken("the body of request {} arrived differently from how it was sent", entry_->plan->id);
    }
  }

  void on_message_end(const Fields& trailers) override {
    if (!busy()) return;  // it was a health check
    reading_ = false;
    if (attempt().received != entry_->plan->body) {
      origin_.ledger_.broken("request {} came to an end after {} of {} bytes", entry_->plan->id, attempt().received,
                             entry_->plan->body);
    }
    const std::string* trailer = find(trailers, "X-Check");
    if ((trailer != nullptr) != entry_->plan->trailers)
      origin_.ledger_.broken("the trailers of request {} are wrong", entry_->plan->id);
    if (!plan_.early) return think();
    if (!answering_) end_exchange();
  }

  // ---- the answer
  void think() {
    answering_ = true;
    origin_.loop_.after(plan_.think, [this] { answer(); });
  }

  void answer() {
    if (gone_) return;
    switch (plan_.fault) {
      case Fault::closes_unanswered:
        return leave();
      case Fault::resets_unanswered:
        return reset();
      case Fault::hangs:
        return;
      case Fault::malformed:
        return link_.send("HTTP/1.1 2OO OK\r\n\r\n");
      default:
        break;
    }
    for (unsigned i = 0; i < plan_.interims; ++i)
      inform("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n");
    const unsigned id = entry_->plan->id;
    std::string head =
        fmt::format("HTTP/1.1 {} Whatever\r\nX-Id: {}\r\nX-Attempt: {}\r\n", plan_.status, id, attempt_number_);
    if (plan_.framing == Framing::length) head += fmt::format("Content-Length: {}\r\n", plan_.body);
    if (plan_.framing == Framing::chunked) head += "Transfer-Encoding: chunked\r\n";
    if (plan_.announces_trailers) head += "Trailer: X-Check\r\n";
    if (plan_.switches) head += "Connection: upgrade\r\nUpgrade: websocket\r\n";
    if (closes_ && !plan_.switches) head += "Connection: close\r\n";
    const unsigned most = origin_.host_.requests_max;
    if (most != 0) head += fmt::format("Keep-Alive: timeout=60, max={}\r\n", most - std::min(most, served_));
    to_send_.clear();
    to_send_ += head + "\r\n";
    attempt().head_bytes = said_ + to_send_.size();
    if (plan_.switches) {
      streams_ = true;
      reader_.leave_http();
    }
    std::string body = Body::of_response(id, plan_).text();
    const bool cut =
        plan_.fault == Fault::cut || plan_.fault == Fault::reset_inside || plan_.fault == Fault::stalls_inside;
    if (cut) body.resize(plan_.fault_at);
    if (has_body()) to_send_ += framed(plan_.framing, body, plan_.piece, !cut, plan_.trailers);
    if (plan_.fault == Fault::extra_bytes) {
      to_send_ += "HTTP/1.1 200 OK\r\nX-Id: 0\r\nContent-Length: 4\r\n\r\nevil";
    }
    send_piece();
  }

  void inform(std::string_view interim) {
    said_ += interim.size();
    link_.send(interim);
  }

  bool has_body() const {
    if (plan_.switches) return true;
    return plan_.framing != Framing::none && entry_->plan->method != "HEAD" && plan_.status != 204 &&
           plan_.status != 304;
  }

  void send_piece() {
    if (gone_) return;
    link_.send(to_send_.take(plan_.piece));
    if (!to_send_.empty()) return origin_.loop_.after(plan_.pause, [this] { send_piece(); });
    switch (plan_.fault) {
      case Fault::cut:
        return leave();
      case Fault::reset_inside:
        return reset();
      case Fault::stalls_inside:
        return;
      default:
        break;
    }
    answering_ = false;
    if (streams_) return ended_ ? leave() : link_.finish();
    if (!reading_) end_exchange();
  }

  void end_exchange() {
    entry_ = nullptr;
    if (closes_) return leave();
    const unsigned at = served_;
    const HostPlan& host = origin_.host_;
    if (host.idle.count() == 0) return;
    origin_.loop_.after(host.idle_varies ? up_to(origin_.random_, host.idle) : host.idle, [this, at] {
      if (at == served_ && !gone_) leave();
    });
  }

  Attempt& attempt() { return entry_->attempts[attempt_number_]; }
  bool busy() const { return entry_ != nullptr; }
  bool has_served_its_last() const { return origin_.host_.requests_max != 0 && served_ >= origin_.host_.requests_max; }
  void leave() {
    if (std::exchange(gone_, true)) return;
    if (busy()) attempt().ended = true;
    link_.close();
  }
  void reset() {
    gone_ = true;
    attempt().ended = true;
    link_.reset();
  }

  Origin& origin_;
  Link& link_;
  MessageReader reader_;
  std::string before_;               // the PROXY header, until it is complete
  std::optional<Endpoint> speaker_;  // that it tells of
  Entry* entry_ = nullptr;           // of the exchange under way
  std::size_t attempt_number_ = 0;
  std::uint64_t said_ = 0;  // in interim answers
  ResponsePlan plan_;
  ByteQueue to_send_;
  unsigned served_ = 0;
  bool reading_ = false;
  bool answering_ = false;
  std::size_t received_ = 0;  // of the client's stream
  bool closes_ = false;
  bool streams_ = false;  // no HTTP any more
  bool ended_ = false;    // the client's stream
  bool gone_ = false;
};

Origin::Origin(SimLoop& loop, Trace& trace, Ledger& ledger, const Plan& plan, const HostPlan& host, bool with_header,
               Random random)
    : loop_(loop),
      trace_(trace),
      ledger_(ledger),
      plan_(plan),
      host_(host),
      with_header_(with_header),
      random_(random) {}

Origin::~Origin() = default;

SimNetwork::Fate Origin::next_attempt() {
  const Duration now = loop_.elapsed();
  if (host_.outage.begins <= now && now < host_.outage.ends) return SimNetwork::Fate::refuses;
  if (host_.may_refuse && random_.one_in(4)) return SimNetwork::Fate::refuses;
  if (host_.may_hang && random_.one_in(6)) return SimNetwork::Fate::hangs;
  return SimNetwork::Fate::accepts;
}

std::size_t Origin::streams() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(connections_, [](const auto& connection) { return connection->is_open_stream(); }));
}

std::size_t Origin::under_way() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(connections_, [](const auto& connection) { return connection->is_under_way(); }));
}

void Origin::accept(Link& link) { connections_.push_back(std::make_unique<Connection>(*this, link)); }

}  // namespace culvert::simulation
