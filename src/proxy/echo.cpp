#include "proxy/echo.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ascii.hpp"
#include "base/json_text.hpp"

namespace culvert::proxy {

namespace {

constexpr std::uint64_t bytes_max = 1 << 30;
constexpr std::uint64_t lines_max = 1'000'000;
constexpr std::size_t shown_body_max = 64 * 1024;

constexpr auto filler = [] {
  std::array<char, 16 * 1024> text{};
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = i % 64 == 63 ? '\n' : '.';
  return text;
}();

// `left` bytes, as few parts as possible.
struct FillerParts {
  std::uint64_t left;

  std::string_view next() {
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left, filler.size()));
    left -= size;
    return {filler.data(), size};
  }
};

// `left` numbered lines, one a part.
struct LineParts {
  std::uint64_t left;
  std::uint64_t number = 0;
  std::string text{};

  std::string_view next() {
    --left;
    text.assign("line ").append(std::to_string(++number)).append("\n");
    return text;
  }
};

// Writes parts until the answer is full, and goes on when it has drained.
template <class Parts>
class Pouring {
 public:
  Pouring(ServerResponse& response, Parts parts) : response_(response), parts_(std::move(parts)) {}

  void start() {
    response_.flush_headers();
    if (!response_.has_body()) return void(response_.end());
    response_.on_drain([this] { go_on(); });
    go_on();
  }

 private:
  void go_on() {
    bool has_room = true;
    while (parts_.left > 0 && has_room) has_room = response_.write(parts_.next());
    if (parts_.left == 0) response_.end();
  }

  ServerResponse& response_;
  Parts parts_;
};

// Collects the request's body and shows the whole request.
class Mirror {
 public:
  Mirror(IncomingMessage& request, ServerResponse& response) : request_(request), response_(response) {}

  void start() {
    request_.on_data([this](Bytes part) { collect(part); });
    request_.on_end([this] { answer(); });
  }

 private:
  void collect(Bytes part) {
    if (request_.body_bytes() <= shown_body_max) body_ += as_text(part);
  }

  void answer() {
    std::string out = "{\"method\":";
    append_json_string(out, request_.method());
    out += ",\"target\":";
    append_json_string(out, request_.url());
    out += request_.http_version_minor() == 0 ? ",\"version\":\"1.0\"" : ",\"version\":\"1.1\"";
    out += ",\"headers\":[";
    append_headers(out);
    out.append("],\"body_size\":").append(std::to_string(request_.body_bytes()));
    if (request_.body_bytes() <= shown_body_max) {
      out += ",\"body\":";
      append_json_string(out, body_);
    }
    out += "}\n";
    response_.set_header("Content-Type", "application/json");
    response_.end(out);
  }

  void append_headers(std::string& out) const {
    bool first = true;
    for (const Header& line : request_.raw_headers()) {
      out += std::exchange(first, false) ? "[" : ",[";
      append_json_string(out, line.name);
      out += ',';
      append_json_string(out, line.value);
      out += ']';
    }
  }

  IncomingMessage& request_;
  ServerResponse& response_;
  std::string body_;
};

// Starts `worker`. It lives as long as the answer: the listener that the answer holds owns it.
template <class Worker>
void start(ServerResponse& response, std::unique_ptr<Worker> worker) {
  Worker& started = *worker;
  response.on_close([owned = std::move(worker)] {});
  started.start();
}

template <class Parts>
void pour(ServerResponse& response, Parts parts) {
  start(response, std::make_unique<Pouring<Parts>>(response, std::move(parts)));
}

// The number behind `prefix`, where `path` is just that and the number is at most `most`.
std::optional<std::uint64_t> number_behind(std::string_view prefix, std::string_view path, std::uint64_t most) {
  if (!path.starts_with(prefix)) return std::nullopt;
  const std::optional<std::uint64_t> number = ascii::parse_decimal(path.substr(prefix.size()));
  return number && *number <= most ? number : std::nullopt;
}

}  // namespace

void echo(IncomingMessage& request, ServerResponse& response) {
  const std::string_view path = request.url().substr(0, request.url().find('?'));
  if (const auto bytes = number_behind("/bytes/", path, bytes_max)) {
    request.resume();
    response.set_header("Content-Type", "text/plain");
    response.set_header("Content-Length", static_cast<std::int64_t>(*bytes));
    return pour(response, FillerParts{*bytes});
  }
  if (const auto lines = number_behind("/stream/", path, lines_max)) {
    request.resume();
    response.set_header("Content-Type", "text/plain");
    return pour(response, LineParts{*lines});
  }
  start(response, std::make_unique<Mirror>(request, response));
}

}  // namespace culvert::proxy
