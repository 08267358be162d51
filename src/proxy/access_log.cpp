#include "proxy/access_log.hpp"

#include <cassert>
#include <utility>

#include "proxy/access_format.hpp"

namespace culvert::proxy {

namespace {
constexpr auto flush_interval = std::chrono::seconds(1);
// A buffer is handed over once it is full: its last line may go a little beyond.
constexpr std::size_t last_line_bytes = 4 * 1024;
}  // namespace

class AccessLog::Impl final : public Deadline {
 public:
  Impl(const config::AccessLog& settings, Loop& loop, LogSink& sink) : loop_(loop), sink_(sink), format_(settings) {}
  ~Impl() {
    flush();
    loop_.forget(*this);
  }

  void record(const AccessRecord& record) {
    if (lines_ == 0) begin();
    buffer_.append(format_.line(record));
    ++lines_;
    if (buffer_.size() >= buffer_bytes) flush();
  }

  void flush() {
    if (lines_ == 0) return;
    sink_.submit(buffer_, std::exchange(lines_, 0));
    assert(buffer_.empty());
  }

  TimePoint on_due(TimePoint now) noexcept override {
    if (lines_ == 0) return never;
    if (now < flush_at_) return flush_at_;  // asked for lines that have gone already
    flush();
    return never;
  }

 private:
  void begin() {
    buffer_.reserve(buffer_bytes + last_line_bytes);
    flush_at_ = loop_.now() + flush_interval;
    loop_.ask_at(*this, flush_at_);
  }

  Loop& loop_;
  LogSink& sink_;
  AccessFormat format_;
  std::string buffer_;
  std::uint32_t lines_ = 0;
  TimePoint flush_at_{};
};

AccessLog::AccessLog(const config::AccessLog& settings, Loop& loop, LogSink& sink)
    : impl_(std::make_unique<Impl>(settings, loop, sink)) {}

AccessLog::~AccessLog() = default;

void AccessLog::record(const AccessRecord& record) { impl_->record(record); }

void AccessLog::flush() { impl_->flush(); }

}  // namespace culvert::proxy
