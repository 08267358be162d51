// Requests out of a grammar: each byte is a choice, so that what a fuzzer changes is a method, a field or a chunk rather
// than one character of it. Most choices are right, some are what attacks are made of.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace culvert::fuzz {

class RequestGrammar {
 public:
  explicit RequestGrammar(std::string_view choices) : choices_(choices) {}

  std::string stream() {
    std::string out;
    for (int i = 0; i < 4 && !choices_.empty(); ++i) out += request();
    return out;
  }

 private:
  using Words = std::span<const std::string_view>;

  std::size_t next(std::size_t below) {
    if (choices_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(choices_.front());
    choices_.remove_prefix(1);
    return byte % below;
  }
  std::string_view one_of(Words words) { return words[next(words.size())]; }

  std::string request() {
    static constexpr std::string_view starts[] = {"", "", "", "\r\n", "\n", " "};
    static constexpr std::string_view methods[] = {"GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "CONNECT",
                                                   "QUERY", "FOO", "get", "G@T"};
    static constexpr std::string_view targets[] = {"/", "/a?b=c", "//x/../y", "*", "http://h.example/p?q", "http://h:81",
                                                   "a:443", "127.0.0.1:40001", "/%00", "/a#f", "/\x80", "http://u@h/",
                                                   ""};
    static constexpr std::string_view versions[] = {"HTTP/1.1\r\n", "HTTP/1.1\r\n", "HTTP/1.1\r\n", "HTTP/1.0\r\n",
                                                    "HTTP/1.1\n", "HTTP/1.2\r\n", "HTTP/1.1 \r\n", "http/1.1\r\n"};
    std::string out(one_of(starts));
    out.append(one_of(methods)).append(" ").append(one_of(targets)).append(" ").append(one_of(versions));
    static constexpr std::string_view hosts[] = {"Host: a\r\n", "host: a.example:80\r\n", "Host: [::1]:80\r\n", "",
                                                 "Host: a\r\nHost: a\r\n", "Host: a/b\r\n", "Host:\r\n"};
    out += one_of(hosts);
    for (std::size_t lines = next(5); lines > 0; --lines) out += field();
    return out + framed_body();
  }

  std::string field() {
    static constexpr std::string_view fields[] = {
        "X-Own: 1\r\n", "x-own:\t2 \r\n", "Accept: a, b\r\n", "Cookie: a=b\r\n", "Connection: keep-alive\r\n",
        "Connection: close\r\n", "Connection: X-Own, TE\r\n", "Connection: Host, Content-Length, Cookie\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c, WebSocket\r\nHTTP2-Settings: AAM\r\n",
        "TE: trailers\r\n", "Trailer: X-Sum\r\n", "Via: 1.0 other\r\n",
        "X-Forwarded-For: 6.6.6.6\r\n", "Forwarded: for=6.6.6.6\r\n", "Expect: 100-continue\r\n", "Keep-Alive: timeout=5\r\n",
        "Proxy-Authorization: Basic YTpi\r\n", "X-Empty:\r\n", "X-High: \xff\xc3\xa9\r\n", "Date: x\r\n",
        "X-Folded: a\r\n b\r\n", "X-Bare: a\rb\r\n", "X-Bare: a\nb: c\r\n", "X Space: a\r\n", "X-Colon : a\r\n", ": a\r\n",
        "no colon\r\n", "X-Control: \x01\r\n", " Content-Length: 3\r\n", "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n"};
    return std::string(one_of(fields));
  }

  std::string framed_body() {
    static constexpr std::string_view bodies[] = {"", "abc", "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n", "0\r\n\r\n"};
    static constexpr std::string_view lengths[] = {"", "", "", "0", "+", " ", "0x", ",", "9", "1844674407370955161"};
    static constexpr std::string_view codings[] = {"chunked", "Chunked", ", chunked", "chunked, chunked", "gzip, chunked",
                                                   "xchunked", "chunked, identity", "\x0b" "chunked", "\"chunked\""};
    switch (next(4)) {
      case 0: return "\r\n";
      case 1: {
        const std::string_view body = one_of(bodies);
        std::string out = "Content-Length: ";
        out.append(one_of(lengths)).append(std::to_string(body.size())).append("\r\n\r\n");
        return out.append(body);
      }
      case 2: return std::string("Transfer-Encoding: ").append(one_of(codings)).append("\r\n\r\n") + chunks();
      default: return "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks();
    }
  }

  std::string chunks() {
    static constexpr std::string_view parts[] = {
        "3\r\nabc\r\n", "1\r\nx\r\n", "00a\r\n0123456789\r\n", "2;ext=\"a\"\r\nhi\r\n", "0\r\n\r\n", "3\r\nabcd\r\n",
        "2\nhi\r\n", "2 \r\nhi\r\n", "2;a\nb\r\nhi\r\n", "-1\r\n", "g\r\n", "2\r\nhi", "10000000000000002\r\nhi\r\n", "\r\n"};
    static constexpr std::string_view ends[] = {"0\r\n\r\n", "0\r\nX-Sum: 1\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n",
                                                "0\r\nX: a\n\r\n", "0\r\n", "0\r\n\r\r\n", ""};
    std::string out;
    for (std::size_t count = next(4); count > 0; --count) out += one_of(parts);
    return out.append(one_of(ends));
  }

  std::string_view choices_;
};

}  // namespace culvert::fuzz
