#include "net/pool_resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <cerrno>
#include <compare>
#include <map>
#include <mutex>

#include "base/ascii.hpp"
#include "net/socket_address.hpp"

namespace culvert::net {

namespace {

std::error_code error_of(int answer) {
  switch (answer) {
    case EAI_AGAIN:
      return std::make_error_code(std::errc::resource_unavailable_try_again);
    case EAI_MEMORY:
      return std::make_error_code(std::errc::not_enough_memory);
    case EAI_SYSTEM:
      return {errno, std::system_category()};
    default:
      return errc::name_not_found;
  }
}

// Runs on the thread of the loop that asked.
void answer(Question& question, Result<Endpoints> found) {
  if (!question.done) return;
  if (found) {
    for (Endpoint& endpoint : *found) endpoint.port = question.port;
  }
  Resolver::Done done = std::move(question.done);  // which may drop the Resolution
  done(std::move(found));
}

bool is_localhost(std::string_view name) {
  constexpr std::string_view local = "localhost";
  if (name.size() < local.size()) return false;
  const std::size_t before = name.size() - local.size();
  return ascii::iequals(name.substr(before), local) && (before == 0 || name[before - 1] == '.');
}

// RFC 6761 6.3: localhost is this machine, and nobody is asked, also where no hosts file says so.
Endpoints localhost(int family) {
  Endpoints endpoints;
  if (family != 6) endpoints.push_back(*Endpoint::parse_ip("127.0.0.1"));
  if (family != 4) endpoints.push_back(*Endpoint::parse_ip("::1"));
  return endpoints;
}

int socket_family(int family) {
  switch (family) {
    case 4:
      return AF_INET;
    case 6:
      return AF_INET6;
    default:
      return AF_UNSPEC;
  }
}

}  // namespace

struct PoolResolver::Pool {
  // Questions that one answer serves.
  struct Key {
    std::string name;
    int family;
    int hints;
    auto operator<=>(const Key&) const = default;
  };

  explicit Pool(Lookup how) : lookup(std::move(how)) {}

  void look_up(const Key& key) {
    const Result<Endpoints> found = lookup(key.name, {.family = key.family, .hints = key.hints});
    std::vector<std::shared_ptr<Question>> waiting;
    {
      const std::lock_guard lock(mutex);
      const auto entry = under_way.find(key);
      waiting = std::move(entry->second);
      under_way.erase(entry);
    }
    for (std::shared_ptr<Question>& question : waiting) {
      Loop& loop = question->loop;
      loop.post([question = std::move(question), found] { answer(*question, found); });
    }
  }

  const Lookup lookup;
  std::mutex mutex;
  std::map<Key, std::vector<std::shared_ptr<Question>>> under_way;  // guarded by mutex
  asio::thread_pool pool{threads};  // last: its threads use what stands above
};

PoolResolver::PoolResolver(Lookup lookup) : pool_(std::make_unique<Pool>(std::move(lookup))) {}

PoolResolver::~PoolResolver() {
  pool_->pool.stop();
  pool_->pool.join();
}

Resolution PoolResolver::resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions& options,
                                 Done done) {
  Pool::Key key{name, options.family, options.hints};
  auto question = std::make_shared<Question>(Question{loop, port, std::move(done)});
  bool first = false;
  {
    const std::lock_guard lock(pool_->mutex);
    std::vector<std::shared_ptr<Question>>& waiting = pool_->under_way[key];
    first = waiting.empty();
    waiting.push_back(question);
  }
  if (first) asio::post(pool_->pool, [pool = pool_.get(), key = std::move(key)] { pool->look_up(key); });
  return Resolution(std::move(question));
}

Result<Endpoints> PoolResolver::system_lookup(const std::string& name, const LookupOptions& options) {
  if (is_localhost(name)) return localhost(options.family);
  addrinfo hints{};
  hints.ai_family = socket_family(options.family);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = options.hints != 0 ? options.hints : AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (const int failed = getaddrinfo(name.c_str(), nullptr, &hints, &found); failed != 0) return error_of(failed);
  Endpoints endpoints;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const Endpoint endpoint = to_endpoint(each->ai_addr);
    if (std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end()) endpoints.push_back(endpoint);
  }
  freeaddrinfo(found);
  if (endpoints.empty()) return errc::name_not_found;
  return endpoints;
}

}  // namespace culvert::net
