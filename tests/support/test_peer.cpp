#include "support/test_peer.hpp"

#include <utility>

namespace culvert::test {

TestPeer::TestPeer(std::unique_ptr<Transport> stream) : stream_(std::move(stream)) { stream_->attach(*this); }

void TestPeer::send(std::string_view text) {
  unsent_ += text;
  if (stream_ != nullptr) write();
}

void TestPeer::half_close() {
  finishing_ = true;
  if (stream_ != nullptr) write();
}

void TestPeer::reset() {
  if (stream_ != nullptr) stream_->reset_on_close();
  stream_.reset();
}

void TestPeer::stop_reading() {
  reading_ = false;
  update_interest();
}

void TestPeer::start_reading() {
  reading_ = true;
  update_interest();
}

void TestPeer::on_ready(Ready ready) noexcept {
  if (ready.writable) write();
  if (ready.readable) return read();
  if (ready.broken && !ended_) end(stream_->take_error());
}

void TestPeer::read() {
  Result<Bytes> got = stream_->read();
  if (got) {
    received_ += as_text(*got);
  } else {
    end(got.error() == errc::end_of_stream ? std::error_code{} : got.error());
  }
}

void TestPeer::write() {
  if (unsent() > 0) {
    const iovec part{unsent_.data() + sent_, unsent()};
    Result<std::size_t> taken = stream_->write({&part, 1});
    // Whoever closed without reading it all may have said something before: reading shows what.
    sent_ += taken ? *taken : unsent();
  }
  if (unsent() == 0) {
    unsent_.clear();
    sent_ = 0;
    if (finishing_) stream_->shutdown_write();  // an error shows when reading
    finishing_ = false;
  }
  update_interest();
}

void TestPeer::end(std::error_code error) {
  ended_ = true;
  error_ = error;
  update_interest();
}

void TestPeer::update_interest() {
  if (stream_ != nullptr) stream_->want({.read = reading_ && !ended_, .write = unsent() > 0});
}

}  // namespace culvert::test
