// Names that a test has made up. Answers come in the loop's next turn, or when the test lets them go.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "culvert/network.hpp"

namespace culvert::test {

class FakeResolver final : public Resolver {
 public:
  struct Asked {
    std::string name;
    std::uint16_t port;
    LookupOptions options;
  };

  // Any other name is not found, and neither is one without an address of the family asked for.
  void add(const std::string& name, Endpoints endpoints) { names_[name] = std::move(endpoints); }
  void hold() { holding_ = true; }
  void release();
  const std::vector<Asked>& asked() const { return asked_; }

  Resolution resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions& options,
                     Done done) override;

 private:
  struct Held {
    std::shared_ptr<Question> question;
    Asked asked;
  };
  Result<Endpoints> find(const Asked& asked) const;
  void answer_soon(const Held& held);

  std::map<std::string, Endpoints> names_;
  std::vector<Asked> asked_;
  std::vector<Held> held_;
  bool holding_ = false;
};

}  // namespace culvert::test
