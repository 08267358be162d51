// One connection of the simulated network: culvert's side is a Transport, the other is played by an actor. Bytes take
// time, come in pieces, and wait where there is no room; either side may finish, close, reset or stop reading.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "culvert/transport.hpp"
#include "simulation/byte_queue.hpp"
#include "simulation/sim_loop.hpp"
#include "simulation/trace.hpp"

namespace culvert::simulation {

// How well a network carries.
struct Weather {
  Duration delay_min{};
  Duration delay_max{};
  std::size_t window = 64 * 1024;  // bytes on their way in one direction
  bool short_reads = false;        // reads and writes take less than there is
};

class Link {
 public:
  // Who plays the far side. Called from the simulated world; lives as long as the link.
  class Far {
   public:
    virtual void on_bytes(std::string_view bytes) = 0;
    virtual void on_end() = 0;    // culvert has finished sending
    virtual void on_reset() = 0;  // nothing comes any more, and nothing goes

   protected:
    ~Far() = default;
  };
  struct Ends {
    Endpoint near;
    Endpoint far;
  };

  Link(SimLoop& loop, Trace& trace, std::string name, const Ends& ends, const Weather& weather, Random random);
  ~Link();

  // ---- the actor's side
  void play(Far& far) { far_ = &far; }
  void send(std::string_view bytes);  // as much as there is room for, the rest when there is
  void finish();                      // FIN behind what was sent
  void close();                       // as close(2): the far side is gone
  void reset();
  void read(bool on);

  // ---- how an attempt to connect goes
  void connected();
  void refuse();
  // ---- what the judge looks at
  bool near_open() const { return near_ != nullptr; }
  TimePoint closed_at() const { return closed_at_; }  // by culvert
  std::uint64_t read_by_culvert() const { return read_by_culvert_; }
  const std::string& name() const { return name_; }
  const Endpoint& near_address() const { return ends_.near; }
  const Endpoint& far() const { return ends_.far; }

  // culvert's side, once.
  std::unique_ptr<Transport> near();

 private:
  class Near;
  struct Way {               // bytes in one direction
    ByteQueue waiting;       // sent, without room
    std::size_t flying = 0;  // on their way
    ByteQueue arrived;       // not read
    bool finished = false;   // the sender will send no more
    bool fin_flies = false;
    bool fin_arrived = false;
    TimePoint last_arrival{};
    std::uint64_t era = 0;  // bytes on their way since an earlier one are lost
  };

  Duration travel(Way& way);
  std::size_t room(const Way& way) const;
  std::size_t piece(std::size_t most);
  void pump();
  void arrive_near(std::string bytes, std::uint64_t era);
  void arrive_far(std::string bytes, std::uint64_t era);
  void hand_over();
  void near_closed(bool with_reset);
  void reset_near();
  void reset_far();

  SimLoop& loop_;
  Trace& trace_;
  const std::string name_;
  const Ends ends_;
  const Weather weather_;
  Random random_;
  Far* far_ = nullptr;
  Near* near_ = nullptr;
  Way way_in_;   // to culvert
  Way way_out_;  // to the actor
  bool connected_ = false;
  bool far_reads_ = true;
  bool far_gone_ = false;
  bool far_told_end_ = false;
  bool far_told_reset_ = false;
  std::uint64_t read_by_culvert_ = 0;
  TimePoint closed_at_ = never;
  std::error_code error_;  // as culvert sees it
};

}  // namespace culvert::simulation
