#include "culvert/status.hpp"

#include <array>
#include <cstddef>

#include "wire/methods.hpp"

namespace culvert {

namespace {

constexpr std::array codes{
    StatusCode{100, "Continue"},
    StatusCode{101, "Switching Protocols"},
    StatusCode{102, "Processing"},
    StatusCode{103, "Early Hints"},
    StatusCode{200, "OK"},
    StatusCode{201, "Created"},
    StatusCode{202, "Accepted"},
    StatusCode{203, "Non-Authoritative Information"},
    StatusCode{204, "No Content"},
    StatusCode{205, "Reset Content"},
    StatusCode{206, "Partial Content"},
    StatusCode{207, "Multi-Status"},
    StatusCode{208, "Already Reported"},
    StatusCode{226, "IM Used"},
    StatusCode{300, "Multiple Choices"},
    StatusCode{301, "Moved Permanently"},
    StatusCode{302, "Found"},
    StatusCode{303, "See Other"},
    StatusCode{304, "Not Modified"},
    StatusCode{305, "Use Proxy"},
    StatusCode{307, "Temporary Redirect"},
    StatusCode{308, "Permanent Redirect"},
    StatusCode{400, "Bad Request"},
    StatusCode{401, "Unauthorized"},
    StatusCode{402, "Payment Required"},
    StatusCode{403, "Forbidden"},
    StatusCode{404, "Not Found"},
    StatusCode{405, "Method Not Allowed"},
    StatusCode{406, "Not Acceptable"},
    StatusCode{407, "Proxy Authentication Required"},
    StatusCode{408, "Request Timeout"},
    StatusCode{409, "Conflict"},
    StatusCode{410, "Gone"},
    StatusCode{411, "Length Required"},
    StatusCode{412, "Precondition Failed"},
    StatusCode{413, "Payload Too Large"},
    StatusCode{414, "URI Too Long"},
    StatusCode{415, "Unsupported Media Type"},
    StatusCode{416, "Range Not Satisfiable"},
    StatusCode{417, "Expectation Failed"},
    StatusCode{418, "I'm a Teapot"},
    StatusCode{421, "Misdirected Request"},
    StatusCode{422, "Unprocessable Entity"},
    StatusCode{423, "Locked"},
    StatusCode{424, "Failed Dependency"},
    StatusCode{425, "Too Early"},
    StatusCode{426, "Upgrade Required"},
    StatusCode{428, "Precondition Required"},
    StatusCode{429, "Too Many Requests"},
    StatusCode{431, "Request Header Fields Too Large"},
    StatusCode{451, "Unavailable For Legal Reasons"},
    StatusCode{500, "Internal Server Error"},
    StatusCode{501, "Not Implemented"},
    StatusCode{502, "Bad Gateway"},
    StatusCode{503, "Service Unavailable"},
    StatusCode{504, "Gateway Timeout"},
    StatusCode{505, "HTTP Version Not Supported"},
    StatusCode{506, "Variant Also Negotiates"},
    StatusCode{507, "Insufficient Storage"},
    StatusCode{508, "Loop Detected"},
    StatusCode{509, "Bandwidth Limit Exceeded"},
    StatusCode{510, "Not Extended"},
    StatusCode{511, "Network Authentication Required"},
};

// One more than the place of each code in the table above, 0 for a number that is no code.
constexpr auto places = [] {
  std::array<std::uint8_t, codes.back().code + 1> all{};
  for (std::size_t i = 0; i < codes.size(); ++i) all[codes[i].code] = static_cast<std::uint8_t>(i + 1);
  return all;
}();

}  // namespace

std::span<const StatusCode> status_codes() { return codes; }

std::string_view status_message(std::uint16_t status) {
  const std::size_t place = status < places.size() ? places[status] : 0;
  return place == 0 ? "unknown" : codes[place - 1].phrase;
}

std::span<const std::string_view> methods() { return wire::methods(); }

}  // namespace culvert
