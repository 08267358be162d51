// Asks for the same URL three times, one after another, on one connection that the agent keeps.
//
//   keep_alive_client URL
#include <iostream>

#include "culvert/http.hpp"

namespace {

class Client {
 public:
  explicit Client(std::string url) : url_(std::move(url)) {}

  void ask(int times) {
    culvert::ClientRequest& request = http_.get(url_, {.agent = &agent_});
    request.on_response([&request](culvert::IncomingMessage& response) {
      std::cout << response.status_code() << (request.reused_socket() ? " (kept connection) " : " (new connection) ");
      response.on_data([](culvert::Bytes part) { std::cout << culvert::as_text(part); });
    });
    request.on_close([this, times] {
      if (times > 1) ask(times - 1);
    });
  }
  void run() { http_.run(); }  // until nothing is under way: idle connections do not count

 private:
  culvert::Http http_;
  culvert::Agent agent_{http_, {.keep_alive = true}};
  const std::string url_;
};

}  // namespace

int main(int argc, char** argv) {
  Client client(argc > 1 ? argv[1] : "http://127.0.0.1:8080/");
  client.ask(3);
  client.run();
}
