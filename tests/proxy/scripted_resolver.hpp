// Names resolve to what a test says, when it says so.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "culvert/network.hpp"

namespace culvert::proxy {

class ScriptedResolver final : public Resolver {
 public:
  Resolution resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions&,
                     Done done) override {
    names.push_back(name);
    waiting_.push_back(std::make_shared<Question>(Question{loop, port, std::move(done)}));
    return Resolution(waiting_.back());
  }
  WhereResolution locate(Loop& loop, const Address& address, const LookupOptions& options, WhereDone done) override {
    if (address.kind != Address::Kind::service) return Resolver::locate(loop, address, options, std::move(done));
    names.push_back(address.to_string());
    services_.push_back(std::make_shared<WhereQuestion>(WhereQuestion{loop, 0, std::move(done)}));
    return WhereResolution(services_.back());
  }
  // Answers the oldest question for a service that is open.
  void answer_service(Result<Whereabouts> answer) {
    const std::shared_ptr<WhereQuestion> question = std::move(services_.front());
    services_.erase(services_.begin());
    WhereDone done = std::exchange(question->done, {});
    if (done) done(std::move(answer));
  }
  // Answers the oldest question that is open.
  void answer(std::vector<std::string_view> addresses) {
    Endpoints endpoints;
    for (const std::string_view address : addresses) {
      endpoints.push_back(*Endpoint::parse_ip(address, waiting_.front()->port));
    }
    settle(std::move(endpoints));
  }
  void fail(std::error_code error) { settle(error); }

  std::vector<std::string> names;  // of all questions so far

 private:
  void settle(Result<Endpoints> answer) {
    const std::shared_ptr<Question> question = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    Done done = std::exchange(question->done, {});
    if (done) done(std::move(answer));
  }
  std::vector<std::shared_ptr<Question>> waiting_;
  std::vector<std::shared_ptr<WhereQuestion>> services_;
};

}  // namespace culvert::proxy
