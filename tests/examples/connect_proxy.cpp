// A proxy that makes tunnels: CONNECT host:port opens a stream to there and joins the two.
//
//   connect_proxy [PORT]      curl --proxytunnel --proxy http://127.0.0.1:8080 http://example.org/
#include <charconv>
#include <cstdlib>
#include <iostream>

#include "culvert/http.hpp"

namespace {

using culvert::Socket;

class ConnectProxy {
 public:
  explicit ConnectProxy(std::uint16_t port) {
    server_->on_connect(
        [this](culvert::IncomingMessage& request, std::unique_ptr<Socket>& client, culvert::Bytes head) {
          open_tunnel(request.url(), Socket::let_live(std::move(client)), head);
        });
    server_->listen(port, "127.0.0.1",
                    [this] { std::cout << "listening on " << server_->address().to_string() << std::endl; });
  }
  void run() { http_.run(); }

 private:
  // `head` is what the client has sent without waiting for the answer.
  void open_tunnel(std::string_view target, Socket& client, culvert::Bytes head) {
    const std::size_t colon = target.rfind(':');
    std::uint16_t port = 0;
    if (colon != target.npos) std::from_chars(target.data() + colon + 1, target.data() + target.size(), port);
    if (port == 0) return client.end("HTTP/1.1 400 Bad Request\r\n\r\n");

    std::unique_ptr<Socket> origin = http_.connect(target.substr(0, colon), port);
    origin->write(head);  // waits for the connection
    origin->on_connect([&client, &origin = *origin] {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      client.pipe(origin);
      origin.pipe(client);
    });
    origin->on_error([&client](std::error_code) { client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"); });
    client.on_close([origin = std::move(origin)] {});  // its listener owns the other side: that goes with it
  }

  culvert::Http http_;
  std::unique_ptr<culvert::Server> server_ = http_.create_server({}, [](auto& /*request*/, auto& response) {
    response.write_head(405, {"Allow", "CONNECT"}).end("This proxy only makes tunnels.\n");
  });
};

}  // namespace

int main(int argc, char** argv) {
  ConnectProxy proxy(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080));
  proxy.run();
}
