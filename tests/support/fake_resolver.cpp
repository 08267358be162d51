#include "support/fake_resolver.hpp"

#include <utility>

namespace culvert::test {

Resolution FakeResolver::resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions& options,
                                 Done done) {
  asked_.push_back({name, port, options});
  const Held held{std::make_shared<Question>(Question{loop, port, std::move(done)}), asked_.back()};
  if (holding_) {
    held_.push_back(held);
  } else {
    answer_soon(held);
  }
  return Resolution(held.question);
}

void FakeResolver::release() {
  holding_ = false;
  for (const Held& held : std::exchange(held_, {})) answer_soon(held);
}

Result<Endpoints> FakeResolver::find(const Asked& asked) const {
  const auto known = names_.find(asked.name);
  if (known == names_.end()) return errc::name_not_found;
  Endpoints endpoints;
  for (Endpoint endpoint : known->second) {
    const int family = endpoint.family == Endpoint::Family::ipv6 ? 6 : 4;
    if (asked.options.family != 0 && asked.options.family != family) continue;
    endpoint.port = asked.port;
    endpoints.push_back(endpoint);
  }
  if (endpoints.empty()) return errc::name_not_found;
  return endpoints;
}

void FakeResolver::answer_soon(const Held& held) {
  held.question->loop.post([question = held.question, found = find(held.asked)] {
    Done done = std::exchange(question->done, {});
    if (done) done(found);
  });
}

}  // namespace culvert::test
