// A program that embeds culvert's message model, as its author would begin it.
#include <culvert/http.hpp>

int main() {
  int heard = 0;
  culvert::Event<int> event;
  event([&heard](int value) { heard += value; });
  event.emit(1);
  const std::error_code error = culvert::errc::socket_hang_up;
  return heard == 1 && error.message() == "socket hang up" && culvert::status_message(404) == "Not Found" ? 0 : 1;
}
