// Names to addresses. Lookups block, so they run on a few threads of their own, shared by all workers; an answer is
// posted to the loop that asked, and never comes from inside resolve().
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "culvert/network.hpp"
#include "net/name_records.hpp"

namespace culvert::net {

// Asks the system. Questions for a name that is being looked up in the same way wait for that answer. The loops that
// ask live longer.
class PoolResolver final : public Resolver {
 public:
  static constexpr std::size_t threads = 4;
  // Blocks until it knows; called from any of the threads.
  using Lookup = std::function<Result<Endpoints>(const std::string& name, const LookupOptions& options)>;
  using Locate = std::function<Result<Whereabouts>(const Address& address, const LookupOptions& options)>;

  explicit PoolResolver(Lookup lookup = system_lookup, Locate locate = system_locate);
  ~PoolResolver() override;  // waits for lookups under way

  Resolution resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions& options,
                     Done done) override;
  WhereResolution locate(Loop& loop, const Address& address, const LookupOptions& options, WhereDone done) override;
  // Without hints: addresses of the families that this machine has an address of itself.
  static Result<Endpoints> system_lookup(const std::string& name, const LookupOptions& options);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace culvert::net
