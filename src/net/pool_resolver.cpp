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
template <class Answer>
void answer(QuestionFor<Answer>& question, Result<Answer> found) {
  if (!question.done) return;
  auto done = std::move(question.done);  // which may drop the Resolution
  done(std::move(found));
}

void set_port(const Question& question, Result<Endpoints>& found) {
  if (!found) return;
  for (Endpoint& endpoint : *found) endpoint.port = question.port;
}
void set_port(const WhereQuestion&, Result<Whereabouts>&) {}  // hosts have their own

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

// Questions of one kind that are under way; one answer serves all that are the same.
template <class Answer>
class UnderWay {
 public:
  struct Key {
    std::string name;
    std::uint16_t port;
    int family;
    int hints;
    auto operator<=>(const Key&) const = default;
  };

  // Whether nobody has asked so yet.
  bool add(const Key& key, const std::shared_ptr<QuestionFor<Answer>>& question) {
    const std::lock_guard lock(mutex_);
    auto& waiting = questions_[key];
    waiting.push_back(question);
    return waiting.size() == 1;
  }

  void settle(const Key& key, const Result<Answer>& found) {
    for (std::shared_ptr<QuestionFor<Answer>>& question : take(key)) {
      Loop& loop = question->loop;
      loop.post([question = std::move(question), found = Result<Answer>(found)]() mutable {
        set_port(*question, found);
        answer(*question, std::move(found));
      });
    }
  }

 private:
  std::vector<std::shared_ptr<QuestionFor<Answer>>> take(const Key& key) {
    const std::lock_guard lock(mutex_);
    return std::move(questions_.extract(key).mapped());
  }

  std::mutex mutex_;
  std::map<Key, std::vector<std::shared_ptr<QuestionFor<Answer>>>> questions_;  // guarded by mutex_
};

}  // namespace

struct PoolResolver::Pool {
  Pool(Lookup look_up, Locate locate_by) : lookup(std::move(look_up)), locate(std::move(locate_by)) {}

  const Lookup lookup;
  const Locate locate;
  UnderWay<Endpoints> lookups;
  UnderWay<Whereabouts> searches;
  asio::thread_pool pool{threads};  // last: its threads use what stands above
};

PoolResolver::PoolResolver(Lookup lookup, Locate locate)
    : pool_(std::make_unique<Pool>(std::move(lookup), std::move(locate))) {}

PoolResolver::~PoolResolver() {
  pool_->pool.stop();
  pool_->pool.join();
}

Resolution PoolResolver::resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions& options,
                                 Done done) {
  auto question = std::make_shared<Question>(Question{loop, port, std::move(done)});
  const UnderWay<Endpoints>::Key key{name, 0, options.family, options.hints};  // whatever the port
  if (pool_->lookups.add(key, question)) {
    asio::post(pool_->pool, [pool = pool_.get(), key, options] {
      pool->lookups.settle(key, pool->lookup(key.name, options));
    });
  }
  return Resolution(std::move(question));
}

WhereResolution PoolResolver::locate(Loop& loop, const Address& address, const LookupOptions& options, WhereDone done) {
  auto question = std::make_shared<WhereQuestion>(WhereQuestion{loop, address.port, std::move(done)});
  const UnderWay<Whereabouts>::Key key{address.to_string(), address.port, options.family, options.hints};
  if (pool_->searches.add(key, question)) {
    asio::post(pool_->pool, [pool = pool_.get(), key, address, options] {
      pool->searches.settle(key, pool->locate(address, options));
    });
  }
  return WhereResolution(std::move(question));
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
