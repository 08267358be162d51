// Reads what a TLS client says first, before anybody else gets a byte of it. The stream is its own meanwhile.
//
//   start() --> reading --> owner.on_hello(), once --> take_stream(), bytes()
#pragma once
#include <chrono>
#include <system_error>
#include <vector>

#include "culvert/loop.hpp"
#include "culvert/socket.hpp"
#include "net/loop_entries.hpp"
#include "proxy/failure.hpp"
#include "wire/client_hello.hpp"

namespace culvert::proxy {

class HelloPeek final : private Watcher {
 public:
  class Owner {
   public:
    // None: hello() is what the client says, and the peek may be destroyed in it. Else wire::PrefaceError,
    // errc::timed_out, or what became of the stream.
    virtual void on_hello(std::error_code error) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // `timeout`: for all of it to arrive; 0: none.
  HelloPeek(Loop& loop, Owner& owner, BareStream client, std::chrono::milliseconds timeout);
  ~HelloPeek();
  HelloPeek(const HelloPeek&) = delete;
  HelloPeek& operator=(const HelloPeek&) = delete;

  // `first`: what somebody has read of it already.
  void start(Bytes first);

  // What has been understood of it; nothing before the end.
  const wire::ClientHello& hello() const { return reader_.hello(); }
  // Everything that was read: the stream from its first byte.
  const std::vector<std::byte>& bytes() const { return bytes_; }
  // At any time, and before on_hello() returns: the peek ends with it.
  BareStream take_stream();

 private:
  friend struct LoopEntries<HelloPeek>;
  void on_ready(Ready ready) noexcept override;
  TimePoint on_due(TimePoint now) noexcept;
  bool flush();
  void read(Bytes bytes);

  Loop& loop_;
  Owner& owner_;
  BareStream client_;
  wire::ClientHelloReader reader_;
  std::vector<std::byte> bytes_;
  TimePoint runs_out_ = never;
  LoopEntries<HelloPeek>::Due due_{*this};
};

// Why there is no hello to go by.
Reason hello_failure(std::error_code error);

}  // namespace culvert::proxy
