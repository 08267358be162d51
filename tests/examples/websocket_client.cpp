// Says something over a WebSocket, prints what comes back, and closes once there are as many messages as were sent.
//
//   websocket_client URL [TEXT ...]
#include <iostream>

#include "culvert/http.hpp"

int main(int argc, char** argv) {
  culvert::Http http;
  culvert::WebSocket chat(http, argc > 1 ? argv[1] : "ws://127.0.0.1:8080/");
  int awaited = argc - 2;
  chat.on_open([&] {
    for (int i = 2; i < argc; ++i) chat.send(argv[i]);
  });
  chat.on_message([&](culvert::Bytes data, bool is_binary) {
    if (is_binary) {
      std::cout << data.size() << " bytes\n";
    } else {
      std::cout << culvert::as_text(data) << '\n';
    }
    if (--awaited <= 0) chat.close(1000, "that is all");
  });
  chat.on_error([](std::error_code error) { std::cerr << error.message() << '\n'; });
  chat.on_close([](std::uint16_t code, std::string_view reason, bool was_clean) {
    std::cout << "closed: " << code << ' ' << reason << (was_clean ? "" : " (not by a handshake)") << '\n';
  });
  http.run();
}
