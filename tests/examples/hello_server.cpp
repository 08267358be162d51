// The first program of every server library.
//
//   hello_server [PORT]       curl http://127.0.0.1:8080/
#include <cstdlib>
#include <iostream>

#include "culvert/http.hpp"

int main(int argc, char** argv) {
  culvert::Http http;
  auto server = http.create_server({}, [](auto& /*request*/, auto& response) {
    response.set_header("Content-Type", "text/plain");
    response.end("hello world\n");
  });
  const int port = argc > 1 ? std::atoi(argv[1]) : 8080;
  server->listen(static_cast<std::uint16_t>(port), "127.0.0.1",
                 [&] { std::cout << "listening on " << server->address().to_string() << std::endl; });
  http.run();
}
