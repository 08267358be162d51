// What a resolver that keeps no records says about them.
#include <utility>

#include "culvert/network.hpp"

namespace culvert {

namespace {

// Has the lookup that it waits for, so that whoever drops the one drops the other.
struct Following final : WhereQuestion {
  Following(Loop& by, std::uint16_t of_host, Resolver::WhereDone told) : WhereQuestion{by, of_host, std::move(told)} {}
  Resolution lookup;
};

}  // namespace

WhereResolution Resolver::locate(Loop& loop, const Address& address, const LookupOptions& options, WhereDone done) {
  auto question = std::make_shared<Following>(loop, address.port, std::move(done));
  if (address.kind != Address::Kind::name) {
    loop.post([question] {
      if (WhereDone told = std::exchange(question->done, {})) told(errc::name_not_found);
    });
    return WhereResolution(std::move(question));
  }
  question->lookup = resolve(loop, address.text, address.port, options,
                             [asked = question.get(), host = address.text](Result<Endpoints> found) {
    WhereDone told = std::exchange(asked->done, {});
    if (!found) return told(found.error());
    Whereabouts where;
    where.hosts.push_back({.host = host, .port = asked->port, .priority = 0, .weight = 0, .endpoints = std::move(*found)});
    told(std::move(where));
  });
  return WhereResolution(std::move(question));
}

}  // namespace culvert
