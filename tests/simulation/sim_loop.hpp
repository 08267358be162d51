// The loop of a simulated machine. Its clock stands still while anything can be done and then moves to the next event;
// what a kernel may do in any order, it does in an order of the seed's.
#pragma once
#include <cstdint>
#include <queue>
#include <string>
#include <vector>

#include "base/intrusive_list.hpp"
#include "culvert/loop.hpp"
#include "simulation/random.hpp"

namespace culvert::simulation {

class SimLoop final : public Loop {
 public:
  // A stream that culvert watches.
  class Source : public ListHook {
   public:
    virtual bool ready() const = 0;
    virtual void tell() noexcept = 0;

   protected:
    ~Source() = default;
  };

  explicit SimLoop(std::uint64_t seed);
  ~SimLoop() override;

  void post(Task task) override { posted_.push_back(std::move(task)); }
  void random_fill(std::span<std::byte> bytes) override;
  void add(Source& source) { sources_.push_back(source); }

  // Something happens in the world outside. Whatever `task` refers to lives as long as the loop.
  void after(Duration delay, Task task);
  // The machine was suspended, or somebody set its clock.
  void jump(Duration steady, Duration wall);

  // One turn; false where nothing will ever happen again.
  bool turn();
  // Since the beginning, for traces.
  Duration elapsed() const { return now() - begin_; }
  // Turns since the clock last moved: a loop that never rests is a bug.
  std::uint64_t turns_at_this_time() const { return turns_at_this_time_; }

 private:
  struct Happening {
    TimePoint when;
    std::uint64_t number;  // what was said first happens first
    Task task;
    bool operator<(const Happening& other) const {
      return when != other.when ? when > other.when : number > other.number;
    }
  };
  std::vector<Source*> find_ready();
  bool wait(bool busy);
  void happen();
  void tell(std::vector<Source*> ready);
  void run_posted();
  void advance_to(TimePoint when);

  Random random_;
  const TimePoint begin_;
  IntrusiveList<Source> sources_;
  std::vector<Task> posted_;
  std::priority_queue<Happening> happenings_;
  std::uint64_t said_ = 0;
  std::uint64_t turns_at_this_time_ = 0;
};

}  // namespace culvert::simulation
