#include "simulation/link.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace culvert::simulation {

namespace {

std::error_code system_error(int number) { return {number, std::system_category()}; }

}  // namespace

class Link::Near final : public Transport, private SimLoop::Source {
 public:
  explicit Near(Link& link) : link_(link), local_(link.ends_.near), remote_(link.ends_.far) { link_.near_ = this; }
  ~Near() override { link_.near_closed(reset_on_close_); }

  void attach(Watcher& watcher) override {
    if (!linked()) link_.loop_.add(*this);
    watcher_ = &watcher;
    quiet_ = false;
    wanted_ = {};
  }

  void want(Interest interest) override {
    wanted_ = interest;
    if (interest.read || interest.write) quiet_ = false;
  }

  Result<Bytes> read() override {
    Way& way = link_.way_in_;
    if (!way.arrived.empty()) {
      const std::span<std::byte> scratch = link_.loop_.scratch();
      const std::size_t count = link_.piece(std::min(way.arrived.size(), scratch.size()));
      std::memcpy(scratch.data(), way.arrived.view().data(), count);
      way.arrived.skip(count);
      link_.read_by_culvert_ += count;
      link_.pump();
      return Bytes(scratch.first(count));
    }
    if (link_.error_) return link_.error_;
    if (way.fin_arrived) return errc::end_of_stream;
    return Bytes{};
  }

  bool is_quiet() override {
    const Way& way = link_.way_in_;
    return way.arrived.empty() && !way.fin_arrived && !link_.error_;
  }

  Result<std::size_t> write(std::span<const iovec> parts) override {
    Way& way = link_.way_out_;
    if (link_.error_) return link_.error_;
    if (way.finished) return system_error(EPIPE);
    std::string bytes;
    for (const iovec& part : parts) bytes.append(static_cast<const char*>(part.iov_base), part.iov_len);
    bytes.resize(link_.piece(std::min(bytes.size(), link_.room(way))));
    const std::size_t count = bytes.size();
    if (count == 0) return count;
    way.flying += count;
    Link& link = link_;
    link.loop_.after(link.travel(way),
                     [&link, bytes = std::move(bytes), era = way.era] { link.arrive_far(bytes, era); });
    return count;
  }

  std::error_code shutdown_write() override {
    Way& way = link_.way_out_;
    if (std::exchange(way.finished, true)) return {};
    Link& link = link_;
    link.loop_.after(link.travel(way), [&link, era = way.era] {
      if (era != link.way_out_.era) return;
      link.way_out_.fin_arrived = true;
      link.hand_over();
    });
    return {};
  }

  void reset_on_close() override { reset_on_close_ = true; }
  std::error_code take_error() override { return link_.error_; }
  const Endpoint& local() const override { return local_; }
  const Endpoint& remote() const override { return remote_; }
  void stand_for(const Endpoint& local, const Endpoint& remote) override {
    local_ = local;
    remote_ = remote;
  }

 private:
  Ready ready_for() const {
    const bool broken = link_.error_ || (link_.way_in_.fin_arrived && link_.way_out_.finished);
    const bool input = !link_.way_in_.arrived.empty() || link_.way_in_.fin_arrived || broken;
    const bool output = (link_.connected_ && link_.room(link_.way_out_) > 0) || broken;
    return {.readable = wanted_.read && input, .writable = wanted_.write && output, .broken = broken};
  }
  bool ready() const override {
    const Ready now = ready_for();
    return now.readable || now.writable || (now.broken && !quiet_);
  }
  void tell() noexcept override {
    const Ready now = ready_for();
    if (!now.readable && !now.writable) quiet_ = true;  // an owner that wants nothing hears of the break once
    watcher_->on_ready(now);
  }

  Link& link_;
  Endpoint local_;
  Endpoint remote_;
  Watcher* watcher_ = nullptr;
  Interest wanted_;
  bool quiet_ = false;
  bool reset_on_close_ = false;
};

Link::Link(SimLoop& loop, Trace& trace, std::string name, const Ends& ends, const Weather& weather, Random random)
    : loop_(loop), trace_(trace), name_(std::move(name)), ends_(ends), weather_(weather), random_(random) {}

Link::~Link() = default;

std::unique_ptr<Transport> Link::near() { return std::make_unique<Near>(*this); }

// ---- the actor's side -----------------------------------------------------------------------------------------------

void Link::send(std::string_view bytes) {
  if (far_gone_ || far_told_reset_) return;
  way_in_.waiting += bytes;
  pump();
}

void Link::finish() {
  way_in_.finished = true;
  pump();
}

void Link::close() {
  if (std::exchange(far_gone_, true)) return;
  trace_.add(loop_.elapsed(), "{} closed by its far side", name_);
  if (!way_out_.arrived.empty()) {
    far_gone_ = false;
    return reset();
  }
  finish();
}

void Link::reset() {
  if (std::exchange(far_gone_, true)) return;
  trace_.add(loop_.elapsed(), "{} reset by its far side", name_);
  way_in_.waiting.clear();
  way_in_.finished = true;
  if (random_.one_in(2)) ++way_in_.era;  // overtakes what is on its way
  loop_.after(travel(way_in_), [this] { reset_near(); });
}

void Link::read(bool on) {
  far_reads_ = on;
  if (on) hand_over();
}

// ---- bytes on their way ---------------------------------------------------------------------------------------------

void Link::connected() { connected_ = true; }

void Link::refuse() { error_ = system_error(ECONNREFUSED); }

// Nothing overtakes what was sent before it.
Duration Link::travel(Way& way) {
  const auto spread = static_cast<std::uint64_t>((weather_.delay_max - weather_.delay_min).count());
  const Duration delay = weather_.delay_min + Duration(static_cast<Duration::rep>(random_.below(spread + 1)));
  way.last_arrival = std::max(way.last_arrival, loop_.now() + delay);
  return way.last_arrival - loop_.now();
}

std::size_t Link::room(const Way& way) const {
  return weather_.window - std::min(weather_.window, way.flying + way.arrived.size());
}

std::size_t Link::piece(std::size_t most) {
  if (!weather_.short_reads || most == 0) return most;
  return random_.one_in(3) ? most : 1 + random_.size(most - 1);
}

void Link::pump() {
  while (!way_in_.waiting.empty() && room(way_in_) > 0) {
    std::string bytes = way_in_.waiting.take(piece(std::min(way_in_.waiting.size(), room(way_in_))));
    way_in_.flying += bytes.size();
    loop_.after(travel(way_in_), [this, bytes = std::move(bytes), era = way_in_.era] { arrive_near(bytes, era); });
  }
  if (!way_in_.finished || !way_in_.waiting.empty() || std::exchange(way_in_.fin_flies, true)) return;
  loop_.after(travel(way_in_), [this, era = way_in_.era] {
    if (era == way_in_.era) way_in_.fin_arrived = true;
  });
}

void Link::arrive_near(std::string bytes, std::uint64_t era) {
  way_in_.flying -= bytes.size();
  if (era != way_in_.era) return;
  if (!near_open()) return loop_.after(travel(way_out_), [this] { reset_far(); });
  way_in_.arrived += bytes;
  trace_.add(loop_.elapsed(), "{} {} bytes for culvert", name_, bytes.size());
}

void Link::arrive_far(std::string bytes, std::uint64_t era) {
  way_out_.flying -= bytes.size();
  if (era != way_out_.era) return;
  if (far_gone_) return loop_.after(travel(way_in_), [this] { reset_near(); });
  trace_.add(loop_.elapsed(), "{} {} bytes from culvert", name_, bytes.size());
  way_out_.arrived += bytes;
  hand_over();
}

void Link::hand_over() {
  if (!far_reads_ || far_gone_ || far_told_reset_) return;
  if (!way_out_.arrived.empty()) far_->on_bytes(way_out_.arrived.take(way_out_.arrived.size()));
  if (!far_reads_ || !way_out_.fin_arrived || far_gone_ || std::exchange(far_told_end_, true)) return;
  trace_.add(loop_.elapsed(), "{} finished by culvert", name_);
  far_->on_end();
}

// ---- ends -----------------------------------------------------------------------------------------------------------

// As close(2): with bytes that nobody has read, or on demand, it is a reset.
void Link::near_closed(bool with_reset) {
  trace_.add(loop_.elapsed(), "{} closed by culvert{}", name_, with_reset ? ", with a reset" : "");
  Near& near = *std::exchange(near_, nullptr);
  closed_at_ = loop_.now();
  if (!connected_ || error_) return;
  if (!with_reset && way_in_.arrived.empty()) return void(near.shutdown_write());
  if (random_.one_in(2)) ++way_out_.era;
  loop_.after(travel(way_out_), [this] { reset_far(); });
}

void Link::reset_near() {
  if (!near_open() || error_) return;
  error_ = system_error(ECONNRESET);
  if (random_.one_in(2)) way_in_.arrived.clear();
}

void Link::reset_far() {
  if (far_gone_ || std::exchange(far_told_reset_, true)) return;
  trace_.add(loop_.elapsed(), "{} reset by culvert", name_);
  if (random_.one_in(2)) way_out_.arrived.clear();
  far_->on_reset();
}

}  // namespace culvert::simulation
