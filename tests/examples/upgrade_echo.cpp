// A server that leaves HTTP when it is asked to: it answers Upgrade, and from then on sends back what comes.
//
//   upgrade_echo [PORT]
#include <cstdlib>
#include <iostream>

#include "culvert/http.hpp"

int main(int argc, char** argv) {
  culvert::Http http;
  auto server = http.create_server({}, [](auto& /*request*/, auto& response) {
    response.write_head(426, {"Upgrade", "echo"}).end("Ask for an upgrade to echo.\n");
  });
  server->on_upgrade([](auto& /*request*/, std::unique_ptr<culvert::Socket>& upgraded, culvert::Bytes head) {
    culvert::Socket& socket = culvert::Socket::let_live(std::move(upgraded));
    socket.write(
        "HTTP/1.1 101 Switching Protocols\r\n"
        "Upgrade: echo\r\n"
        "Connection: Upgrade\r\n"
        "\r\n");
    socket.write(head);   // what the client has sent already
    socket.pipe(socket);  // and all that follows
  });
  const int port = argc > 1 ? std::atoi(argv[1]) : 8080;
  server->listen(static_cast<std::uint16_t>(port), "127.0.0.1",
                 [&] { std::cout << "listening on " << server->address().to_string() << std::endl; });
  http.run();
}
