// A program that embeds culvert's message model, as its author would begin it: it serves, and asks itself.
#include <culvert/http.hpp>
#include <iostream>

int main() {
  std::string answer;
  culvert::Http http;
  auto server = http.create_server({}, [](culvert::IncomingMessage& request, culvert::ServerResponse& response) {
    response.set_header("Content-Type", "text/plain");
    response.end("you asked for " + std::string(request.url()));
  });
  server->listen(0, "127.0.0.1", [&] {
    const std::string url = "http://" + server->address().to_string() + "/something";
    http.get(url, {}, [&](culvert::IncomingMessage& response) {
      response.on_data([&](culvert::Bytes part) { answer += culvert::as_text(part); });
      response.on_end([&] { server->close(); });
    });
  });
  http.run();
  std::cout << answer << '\n';
  return answer == "you asked for /something" ? 0 : 1;
}
