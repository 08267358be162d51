// Runs culvert on a simulated network and clock, each seed in a world of its own. See docs/simulation.md.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "simulation/simulation.hpp"

namespace culvert::simulation {
namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  bool trace = false;
  bool twice = false;
  bool until_broken = false;
};

class Campaign {
 public:
  explicit Campaign(const Options& options) : options_(options), next_(options.first) {}

  void run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
      threads.emplace_back([this] { work(); });
    }
    for (std::thread& thread : threads) thread.join();
    std::printf("%llu seeds, %llu of them calm, %llu turns, %llu broke a promise\n", number(run_), number(calm_),
                number(turns_), number(broken_));
  }
  bool broken() const { return broken_ > 0; }

 private:
  static unsigned long long number(const std::atomic<std::uint64_t>& value) { return value.load(); }

  void work() {
    for (std::uint64_t seed = next_++; seed < options_.first + options_.seeds; seed = next_++) {
      if (options_.until_broken && broken()) return;
      Verdict verdict = simulate(seed, false);
      if (options_.twice && verdict.broken.empty() && simulate(seed, false).digest != verdict.digest) {
        verdict.broken = "the same seed was another run";
      }
      ++run_;
      turns_ += verdict.turns;
      if (verdict.calm) ++calm_;
      if (verdict.broken.empty()) continue;
      ++broken_;
      const std::lock_guard lock(print_);
      std::printf("seed %llu (%s): %s\n", static_cast<unsigned long long>(seed), verdict.calm ? "calm" : "storm",
                  verdict.broken.c_str());
    }
  }

  const Options options_;
  std::atomic<std::uint64_t> next_;
  std::atomic<std::uint64_t> run_{0};
  std::atomic<std::uint64_t> turns_{0};
  std::atomic<std::uint64_t> calm_{0};
  std::atomic<std::uint64_t> broken_{0};
  std::mutex print_;
};

int trace(std::uint64_t seed) {
  const Verdict verdict = simulate(seed, true);
  std::printf("%s\n", verdict.broken.empty() ? "every promise was kept" : verdict.broken.c_str());
  return verdict.broken.empty() ? 0 : 1;
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Runs culvert on a simulated network and clock. Exit status 1: a promise was broken.");
  app.add_option("--first", options.first, "the first seed")->capture_default_str();
  app.add_option("--seeds", options.seeds, "how many")->capture_default_str();
  app.add_flag("--trace", options.trace, "print everything that happens under the first seed");
  app.add_flag("--twice", options.twice, "run each seed twice, and see that both runs are the same");
  app.add_flag("--until-broken", options.until_broken,
               "stop at the first broken promise; exit status 1 where none was broken");
  CLI11_PARSE(app, argc, argv);
  if (options.trace) return trace(options.first);
  Campaign campaign(options);
  campaign.run();
  return campaign.broken() == options.until_broken ? 0 : 1;
}

}  // namespace
}  // namespace culvert::simulation

int main(int argc, char** argv) { return culvert::simulation::main(argc, argv); }
