// What a seed means: how good the network is, what culvert is configured as, who asks for what, and what goes wrong.
#pragma once
#include <string>
#include <vector>

#include "config/config.hpp"
#include "simulation/care_plan.hpp"
#include "simulation/link.hpp"
#include "simulation/random.hpp"
#include "simulation/tunnel_plan.hpp"

namespace culvert::simulation {

enum class Framing : std::uint8_t { none, length, chunked, until_close };

struct RequestPlan {
  // What a client does that a good one does not.
  enum class Mood : std::uint8_t { plain, resets, closes, stalls, half_closes, malformed };

  unsigned id = 0;
  std::string method;
  std::string target;                        // "/UPSTREAM/ID"; of a forward proxy "http://HOST:PORT/fwd/ID"
  const Destination* destination = nullptr;  // that its client asks a forward proxy for
  std::uint16_t port = 0;                    // there
  Framing framing = Framing::none;
  std::size_t body = 0;
  bool trailers = false;
  bool announces_trailers = false;  // rightly or not
  bool expects = false;             // waits for 100 (Continue), for a second
  Mood mood = Mood::plain;
  std::size_t mood_at = 0;  // after so many of its bytes
  bool upgrades = false;    // asks to leave HTTP; then it sends a stream
  std::size_t stream = 0;   // bytes of it
  std::size_t early = 0;    // of these, sent without waiting for an answer
  std::string malformed;    // sent in place of a request
  Duration think{};         // before it begins
  Duration pause{};         // before each further piece
  std::size_t piece = 0;    // bytes sent at once
  bool is_swift = false;    // nothing but culvert and its upstream keeps its answer waiting
};

struct ClientPlan {
  Duration begins{};
  unsigned pipeline = 1;  // requests under way on a connection
  bool http10 = false;
  bool slow = false;     // stops reading now and then
  bool stays = false;    // leaves closing the connection to culvert
  bool forward = false;  // asks the forward proxy
  ProxyHeader header = ProxyHeader::none;
  Endpoint speaks_for;  // in that header
  std::vector<RequestPlan> requests;
};

struct ResponsePlan {
  enum class Fault : std::uint8_t {
    none,
    closes_unanswered,
    resets_unanswered,
    hangs,
    malformed,
    cut,
    reset_inside,
    stalls_inside,
    extra_bytes
  };

  int status = 200;
  Framing framing = Framing::length;
  std::size_t body = 0;
  bool trailers = false;
  bool announces_trailers = false;  // rightly or not
  bool early = false;               // answers before it has read the request's body
  bool closes = false;              // and says so
  bool switches = false;            // leaves HTTP: `body` is what its stream has
  unsigned interims = 0;
  Fault fault = Fault::none;
  std::size_t fault_at = 0;  // bytes of the body
  Duration think{};
  Duration pause{};
  std::size_t piece = 0;
};

struct HostPlan {
  bool may_refuse = false;
  bool may_hang = false;
  Outage outage;             // it refuses all that would connect
  bool fails_looks = false;  // health checks, now and then
  Duration idle{};  // closes a connection that has been idle for so long; 0: never
  bool idle_varies = false;   // for any time up to that, each time another
  unsigned requests_max = 0;  // of a connection, as Keep-Alive says; then closing it is left to culvert. 0: no limit
};

struct Change {
  Duration when{};
  std::shared_ptr<const config::Config> config;
};

struct Plan {
  std::uint64_t seed = 0;
  bool calm = true;  // nothing goes wrong: what a client asks for, it gets
  Weather clients_weather;
  Weather upstreams_weather;
  std::shared_ptr<const config::Config> config;
  std::vector<HostPlan> hosts;  // 10.0.1.N
  std::vector<ClientPlan> clients;
  TunnelsPlan tunnels;
  std::vector<Change> changes;
  std::vector<Duration> jumps;  // of the wall clock, and in a storm the machine sleeps for a while
  Duration drain{};             // counted from when the last client begins; 0: when all clients have gone
};

inline constexpr std::size_t hosts_max = 4;

// How long, at most `most`; how much is sent in all, and at once.
Duration up_to(Random& random, Duration most);
std::size_t make_size(const Plan& plan, Random& random);
std::size_t make_piece(Random& random, std::size_t body);

Endpoint host_address(std::size_t number);
ClientPlan make_client(const Plan& plan, Random& random, unsigned& next_id);
Plan make_plan(std::uint64_t seed);
// How the origin answers the n-th time that it is asked for exchange `id`.
ResponsePlan make_response(const Plan& plan, const RequestPlan& request, unsigned attempt);

// A body as it is sent. Chunks are of about `piece` bytes; the last one, with the trailers, stands only where it is
// `whole`.
std::string framed(Framing framing, const std::string& body, std::size_t piece, bool whole, bool trailers);

// A body, as both sides know it.
struct Body {
  unsigned salt;
  std::size_t size;

  static Body of_request(const RequestPlan& request) { return {request.id * 2, request.body}; }
  static Body of_response(unsigned id, const ResponsePlan& response) { return {id * 2 + 1, response.body}; }
  static Body of_stream(const RequestPlan& request) { return {request.id * 2 + 64, request.stream}; }
  char at(std::size_t i) const { return static_cast<char>(salt * 131 + i * 7 + (i >> 8) * 13); }
  std::string text() const;
  bool has(std::size_t offset, std::string_view part) const;
};

}  // namespace culvert::simulation
