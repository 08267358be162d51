// A kept connection may be closed by the server at the very moment when it is used again. The library never sends a
// request twice by itself; this is how a program does it that knows that twice does no harm.
//
//   retry_on_reused_socket URL [TIMES]
#include <cstdlib>
#include <iostream>

#include "culvert/http.hpp"

namespace {

class Client {
 public:
  Client(std::string url, int times) : url_(std::move(url)), left_(times) {}

  void ask() {
    culvert::ClientRequest& request = http_.get(url_, {.agent = &agent_});
    request.on_response([this](culvert::IncomingMessage& response) {
      response.on_data([](culvert::Bytes part) { std::cout << culvert::as_text(part); });
      response.on_end([this] { --left_; });
    });
    request.on_error([this, &request](std::error_code error) {
      if (request.reused_socket() && error == std::errc::connection_reset) {
        std::cout << "again: " << error.message() << '\n';
      } else {
        std::cout << error.message() << '\n';
        left_ = 0;
      }
    });
    request.on_close([this] {
      if (left_ > 0) ask();
    });
  }
  void run() { http_.run(); }

 private:
  culvert::Http http_;
  culvert::Agent agent_{http_, {.keep_alive = true}};
  const std::string url_;
  int left_;
};

}  // namespace

int main(int argc, char** argv) {
  Client client(argc > 1 ? argv[1] : "http://127.0.0.1:8080/", argc > 2 ? std::atoi(argv[2]) : 2);
  client.ask();
  client.run();
}
