// One request of a server with its answer: both messages and the memory behind them, borrowed while it is under way.
#pragma once
#include <cstddef>
#include <memory>

#include "base/arena.hpp"
#include "culvert/incoming_message.hpp"
#include "culvert/server_response.hpp"
#include "wire/h1_parser.hpp"

namespace culvert {

struct ServerOptions;

struct ServerTransaction {
  ServerTransaction(ServerConnection& connection, BodySource& source, ByteSink& sink, wire::H1Handler& handler,
                    BlockPool& blocks, const ServerOptions& options);

  std::byte first_room[2048];  // of the arena
  Arena arena;
  wire::H1Parser parser;
  IncomingMessage plain_request;
  ServerResponse plain_response;
  std::unique_ptr<IncomingMessage> made_request;  // by programs with types of their own
  std::unique_ptr<ServerResponse> made_response;
  IncomingMessage& request;
  ServerResponse& response;

 private:
  std::unique_ptr<ServerResponse> make_response(ServerConnection& connection, ByteSink& sink,
                                                const ServerOptions& options);
};

}  // namespace culvert
