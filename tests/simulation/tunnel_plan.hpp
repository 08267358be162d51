// What a seed means for tunnels: who wants one, whereto, what goes through it, and what goes wrong.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "simulation/first_words.hpp"
#include "simulation/internet.hpp"
#include "simulation/random.hpp"

namespace culvert::simulation {

inline constexpr std::size_t parents_max = 2;  // 10.0.3.1, 10.0.3.2

// What a parent proxy answers to CONNECT.
enum class ParentAnswer : std::uint8_t {
  leads,
  informs_and_leads,  // 103 first
  refuses,            // 403
  wants_a_password,   // 407
  fails,              // 502
  is_busy,            // 503
  goes_round,         // 508
  switches,           // 101
  nonsense,
  cut,  // in its head
  closes,
  resets,
  hangs
};

struct TunnelPlan {
  // What an end does that a good one does not, after so many bytes.
  enum class Mood : std::uint8_t { plain, resets, closes, stalls, deaf };
  struct End {
    std::size_t bytes = 0;  // of its stream
    std::size_t piece = 0;  // sent at once
    Duration think{};       // before it begins
    Duration pause{};       // before each further piece
    bool waits = false;     // for the end of the other's stream
    Mood mood = Mood::plain;
    std::size_t mood_at = 0;
  };

  unsigned id = 0;
  const Destination* destination = nullptr;
  std::uint16_t port = 0;
  bool http10 = false;
  ProxyHeader header = ProxyHeader::none;
  Endpoint speaks_for;    // in that header
  Hello hello;            // in front of the client's stream
  std::size_t early = 0;  // of the client's stream, sent without waiting for an answer
  End client;
  End target;
  std::array<ParentAnswer, parents_max> parents{};

  std::string authority() const;
};

struct TunnelClientPlan {
  Duration begins{};
  bool slow = false;
  std::vector<TunnelPlan> tunnels;
};

struct TunnelsPlan {
  bool proxy_header = false;   // the listener wants one
  bool targets_fail = false;   // they refuse, or do not answer, now and then
  std::vector<Egress> egress;  // at first, and after each of the plan's changes
  std::vector<TunnelClientPlan> clients;
  Duration outage_begins{};  // the first parent cannot be connected to
  Duration outage_ends{};
  Duration cut_at{};  // the operator ends all tunnels; 0: never
};

struct Plan;
// Adds tunnels to what the seed means already.
void add_tunnels(Plan& plan);
// The same for PROXY headers: of clients of the reverse proxy, and those that it sends to upstreams.
void add_proxy_headers(Plan& plan);

// Where origins of the simulated Internet listen, on each of its public machines.
inline constexpr std::uint16_t http_port = allowed_ports;

Endpoint parent_address(std::size_t number);
const config::Tunnel& egress_of(const Plan& plan);

// One direction of a tunnel, as both ends know it.
class TunnelStream {
 public:
  static TunnelStream up(const TunnelPlan& plan);
  static TunnelStream down(const TunnelPlan& plan);
  std::size_t size() const { return first_.size() + bytes_; }
  std::string text() const;
  bool has(std::size_t offset, std::string_view part) const;

 private:
  TunnelStream(std::string first, unsigned salt, std::size_t bytes)
      : first_(std::move(first)), salt_(salt), bytes_(bytes) {}
  std::string first_;
  unsigned salt_;
  std::size_t bytes_;
};

}  // namespace culvert::simulation
