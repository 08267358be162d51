// A loop without a kernel: its clock stands still until a test moves it, and its streams live in memory.
#pragma once
#include <vector>

#include "base/intrusive_list.hpp"
#include "culvert/loop.hpp"
#include "culvert/transport.hpp"

namespace culvert::test {

class ManualLoop final : public Loop {
 public:
  // Something that can be ready; asked in every turn.
  class Source : public ListHook {
   public:
    // Tells its owner what it is ready for, if it is and the owner wants to know; whether it did.
    virtual bool tell() = 0;

   protected:
    ~Source() = default;
  };

  ManualLoop();

  void post(Task task) override { posted_.push_back(std::move(task)); }
  void random_fill(std::span<std::byte> bytes) override;
  void add(Source& source) { sources_.push_back(source); }

  // One turn; whether anything happened.
  bool turn();
  // Turns until nothing happens any more.
  void settle();
  // The clock moves; what is due is asked in the next turn.
  void advance(Duration duration);

 private:
  bool tell_ready();
  bool run_posted();
  void finish();

  IntrusiveList<Source> sources_;
  std::vector<Task> posted_;
};

}  // namespace culvert::test
