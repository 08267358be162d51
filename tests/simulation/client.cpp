#include "simulation/client.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "simulation/message_reader.hpp"

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;
using Mood = RequestPlan::Mood;
using Outcome = Entry::Outcome;

std::string head_of(const RequestPlan& request, bool http10) {
  const std::string host =
      request.destination != nullptr ? fmt::format("{}:{}", request.destination->host, request.port) : "sim.test";
  std::string head =
      fmt::format("{} {} HTTP/1.{}\r\nHost: {}\r\n", request.method, request.target, http10 ? 0 : 1, host);
  if (request.framing == Framing::length) head += fmt::format("Content-Length: {}\r\n", request.body);
  if (request.framing == Framing::chunked) head += "Transfer-Encoding: chunked\r\n";
  if (request.announces_trailers) head += "Trailer: X-Check\r\n";
  if (request.expects) head += "Expect: 100-continue\r\n";
  if (request.upgrades) head += "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n";
  return head + "\r\n";
}

}  // namespace

class Client::Connection final : public Link::Far, private MessageReader::Reader {
 public:
  Connection(Client& client, Link& link) : client_(client), link_(link), reader_(MessageReader::Kind::response, *this) {
    link_.play(*this);
    link_.send(proxy_header(client.plan_.header, client.plan_.speaks_for, link.near_address()));
    ask();
  }

 private:
  // ---- asking
  // The next request, if there is one and the connection may carry it.
  void ask() {
    if (gone_ || closing_ || asking_ || client_.to_do_.empty() || waiting_.size() >= client_.plan_.pipeline) return;
    asking_ = true;
    client_.loop_.after(client_.to_do_.front()->think, [this] { begin_request(); });
  }

  void begin_request() {
    if (gone_ || closing_) return;
    request_ = client_.to_do_.front();
    client_.to_do_.pop_front();
    waiting_.push_back(request_);
    Entry& entry = client_.ledger_.entry(request_->id);
    ++entry.sends;
    entry.asked = client_.loop_.elapsed();
    const ProxyHeader header = client_.plan_.header;
    const bool speaks_for_another = header == ProxyHeader::v1 || header == ProxyHeader::v2;
    entry.client = speaks_for_another ? client_.plan_.speaks_for : link_.far();
    if (request_->destination != nullptr) client_.proxy_.asks(*request_, link_);
    sent_ = 0;
    client_.trace_.add(client_.loop_.elapsed(), "{} asks for exchange {}: {} {}", link_.name(), request_->id,
                       request_->method, request_->target);
    if (request_->mood == Mood::malformed) {
      link_.send(request_->malformed);
      request_sent();
      return;
    }
    to_send_.clear();
    std::string head = head_of(*request_, client_.plan_.http10);
    if (!client_.cookie_.empty() && client_.random_.one_in(2)) {
      head.insert(head.size() - 2, fmt::format("Cookie: a=b; {}\r\n", client_.cookie_));
    }
    to_send_ += head;
    body_ = framed(request_->framing, Body::of_request(*request_).text(), request_->piece, true, request_->trailers);
    if (!request_->expects) {
      to_send_ += std::exchange(body_, {});
      if (request_->upgrades) {
        body_ = Body::of_stream(*request_).text();
        to_send_ += body_.substr(0, request_->early);
        body_.erase(0, request_->early);
      }
    } else {
      client_.loop_.after(1s, [this, request = request_] { send_body(request); });
    }
    send_piece();
  }

  // What waited for an answer: the body of a request that expected 100 (Continue), the stream after a 101.
  void send_body(const RequestPlan* request) {
    if (gone_ || request != request_ || body_.empty()) return;
    const bool idle = to_send_.empty();
    to_send_ += std::exchange(body_, {});
    if (idle) send_piece();
  }

  void send_piece() {
    if (gone_ || request_ == nullptr) return;
    std::size_t size = std::min(request_->piece, to_send_.size());
    const bool moody = request_->mood != Mood::plain && request_->mood != Mood::half_closes;
    if (moody) size = std::min(size, request_->mood_at - std::min(request_->mood_at, sent_));
    link_.send(to_send_.take(size));
    sent_ += size;
    if (moody && sent_ >= request_->mood_at) return misbehave();
    if (!to_send_.empty()) return client_.loop_.after(request_->pause, [this] { send_piece(); });
    if (body_.empty() && (!request_->upgrades || streams_)) request_sent();
  }

  void misbehave() {
    client_.trace_.add(client_.loop_.elapsed(), "{} client misbehaves", link_.name());
    switch (request_->mood) {
      case Mood::resets:
        link_.reset();
        return over();
      case Mood::closes:
        link_.close();
        return over();
      default:
        closing_ = true;  // says nothing more, and waits
    }
  }

  void request_sent() {
    if (streams_) {
      if (std::exchange(finished_, true)) return;
      link_.finish();
      if (waiting_.empty()) leave();
      return;
    }
    if (request_->mood == Mood::half_closes || request_->mood == Mood::malformed) closing_ = true;
    if (request_->mood == Mood::half_closes) link_.finish();
    request_ = nullptr;
    asking_ = false;
    ask();
  }

  // ---- what comes back
  void on_bytes(std::string_view bytes) override {
    if (gone_) return;
    reader_.feed(bytes);
    if (!reader_.broken().empty())
      client_.ledger_.broken("a client was sent bytes that are not HTTP: {}", reader_.broken());
    if (gone_ || !client_.plan_.slow || !client_.random_.one_in(3)) return;
    link_.read(false);
    client_.loop_.after(1ms * static_cast<int>(client_.random_.below(100)), [this] { link_.read(true); });
  }

  void on_end() override {
    reader_.end();
    if (!streams_ || finished_) leave();
  }
  void on_reset() override { over(); }

  bool on_head(const MessageReader::Head& head) override {
    if (waiting_.empty()) {
      // A request that never came whole is answered with its own failure.
      if (!gone_ && head.status != 408 && head.status != 503)
        client_.ledger_.broken("an answer ({}) that nobody has asked for", head.status);
      nobody_ = true;
      return true;
    }
    if (head.status == 100 && waiting_.front() == request_) send_body(request_);
    informs_ = head.status < 200 && head.status != 101;
    if (informs_) {
      if (client_.plan_.http10) client_.ledger_.broken("{} for a client of HTTP/1.0", head.status);
      return false;
    }
    const RequestPlan& request = *waiting_.front();
    Entry& entry = client_.ledger_.entry(request.id);
    entry.status = head.status;
    received_ = 0;
    closing_ = closing_ || head.closes();
    from_origin_ = find(head.fields, "X-Id") != nullptr;
    client_.trace_.add(client_.loop_.elapsed(), "{} answers exchange {} with {}", link_.name(), request.id,
                       head.status);
    client_.ledger_.answered(entry, from_origin_ ? std::string() : reason_in(head.fields));
    if (const std::string* const cookie = find(head.fields, "Set-Cookie")) {
      client_.ledger_.gave_cookie(entry);
      client_.cookie_ = cookie->substr(0, cookie->find(';'));
    }
    if (head.status == 101) return begin_stream(head, request, entry);
    if (request.upgrades) refused();
    if (request.destination != nullptr && request.mood != Mood::malformed) check_forwarded(head, request, entry);
    if (from_origin_) {
      check_head(head, request, entry);
    } else if (head.status < 400) {
      client_.ledger_.broken("exchange {} has an answer {} that no origin gave", request.id, head.status);
    }
    return request.method != "HEAD";
  }

  void check_forwarded(const MessageReader::Head& head, const RequestPlan& request, Entry& entry) {
    if (from_origin_) return client_.proxy_.let_through(request);
    entry.rightly_refused = client_.proxy_.refused(request, reason_in(head.fields));
  }

  bool begin_stream(const MessageReader::Head& head, const RequestPlan& request, const Entry& entry) {
    if (!request.upgrades || !from_origin_) {
      client_.ledger_.broken("exchange {} changed its protocol without being asked", request.id);
      return false;
    }
    check_head(head, request, entry);
    const std::string* protocol = find(head.fields, "Upgrade");
    if (protocol == nullptr || *protocol != "websocket")
      client_.ledger_.broken("exchange {} changed to another protocol", request.id);
    streams_ = true;
    closing_ = true;
    const bool idle = to_send_.empty();
    to_send_ += std::exchange(body_, {});
    if (idle) send_piece();
    return true;
  }

  // It stays HTTP: what was not sent of the stream never is, and what was is taken for a request.
  void refused() {
    body_.clear();
    if (waiting_.front()->early > 0 || !to_send_.empty()) {
      closing_ = true;
    } else {
      request_ = nullptr;
      asking_ = false;
    }
  }

  void check_head(const MessageReader::Head& head, const RequestPlan& request, const Entry& entry) {
    if (*find(head.fields, "X-Id") != std::to_string(request.id)) {
      return client_.ledger_.broken("exchange {} got the answer of exchange {}", request.id,
                                    *find(head.fields, "X-Id"));
    }
    const std::string* attempt = find(head.fields, "X-Attempt");
    std::size_t number = 0;
    std::from_chars(attempt->data(), attempt->data() + attempt->size(), number);
    if (number >= entry.attempts.size())
      return client_.ledger_.broken("exchange {} has an answer from nowhere", request.id);
    attempt_ = &entry.attempts[number];
    if (head.status != attempt_->plan.status) client_.ledger_.broken("exchange {} has the wrong status", request.id);
  }

  void on_body(std::string_view part) override {
    if (nobody_ || !from_origin_) return;
    const unsigned id = waiting_.front()->id;
    if (!Body::of_response(id, attempt_->plan).has(std::exchange(received_, received_ + part.size()), part)) {
      client_.ledger_.broken("the body of response {} arrived differently from how it was sent", id);
    }
  }

  void on_message_end(const Fields& trailers) override {
    if (std::exchange(nobody_, false) || informs_) return;
    const RequestPlan& request = *waiting_.front();
    Entry& entry = client_.ledger_.entry(request.id);
    entry.outcome = from_origin_ ? Outcome::complete : Outcome::refused;
    if (from_origin_) {
      if (received_ != attempt_->plan.body) {
        client_.ledger_.broken("response {} came to an end after {} of {} bytes", request.id, received_,
                               attempt_->plan.body);
      }
      const bool checks = find(trailers, "X-Check") != nullptr;
      if (checks && !attempt_->plan.trailers)
        client_.ledger_.broken("the trailers of response {} are wrong", request.id);
    }
    waiting_.pop_front();
    if (streams_) return;
    if (request_ == &request) {  // answered before it was sent: the rest is not worth sending
      request_ = nullptr;
      closing_ = true;
    }
    if (closing_ && waiting_.empty()) return leave();
    ask();
    if (waiting_.empty() && client_.to_do_.empty() && !client_.plan_.stays) leave();
  }

  // ---- the end
  void leave() {
    if (gone_) return;
    link_.close();
    over();
  }

  // What is unanswered is asked for again where culvert has said that it would close; else it stays so.
  void over() {
    if (std::exchange(gone_, true)) return;
    const bool announced = closing_;
    for (auto request = waiting_.rbegin(); request != waiting_.rend(); ++request) {
      Entry& entry = client_.ledger_.entry((*request)->id);
      const bool begun = *request == waiting_.front() && entry.status != 0;
      entry.outcome = begun ? Outcome::cut : Outcome::unanswered;
      if (!announced || entry.disturbed || begun) continue;
      entry.outcome = Outcome::open;
      client_.to_do_.push_front(*request);
    }
    client_.connection_ended();
  }

  Client& client_;
  Link& link_;
  MessageReader reader_;
  const RequestPlan* request_ = nullptr;  // being sent
  ByteQueue to_send_;
  std::string body_;                        // held back until 100 (Continue)
  std::size_t sent_ = 0;                    // bytes of request_
  std::deque<const RequestPlan*> waiting_;  // for their answers, in order
  const Attempt* attempt_ = nullptr;        // whose answer is being read
  std::size_t received_ = 0;                // of its body
  bool asking_ = false;
  bool closing_ = false;  // no further request goes on this connection
  bool from_origin_ = false;
  bool informs_ = false;
  bool streams_ = false;   // no HTTP any more
  bool finished_ = false;  // all of its stream is sent
  bool nobody_ = false;    // the answer being read is nobody's
  bool gone_ = false;
};

Client::Client(SimLoop& loop, Trace& trace, Ledger& ledger, TunnelLedger& proxy, const ClientPlan& plan, Random random,
               Dial dial, std::function<void()> on_done)
    : loop_(loop),
      trace_(trace),
      ledger_(ledger),
      proxy_(proxy),
      plan_(plan),
      random_(random),
      dial_(std::move(dial)),
      on_done_(std::move(on_done)) {
  for (const RequestPlan& request : plan.requests) to_do_.push_back(&request);
  loop_.after(plan.begins, [this] { next_connection(); });
}

Client::~Client() = default;

void Client::next_connection() {
  Link* link = to_do_.empty() ? nullptr : dial_();
  if (link == nullptr) {
    for (const RequestPlan* request : to_do_) ledger_.entry(request->id).outcome = Outcome::unanswered;
    done_ = true;
    return on_done_();
  }
  connections_.push_back(std::make_unique<Connection>(*this, *link));
}

void Client::connection_ended() {
  loop_.after(1ms, [this] { next_connection(); });
}

}  // namespace culvert::simulation
