// Header lines that two readers may understand differently, each of which a strict parser refuses.
#pragma once
#include <string_view>

namespace culvert::test {

inline constexpr std::string_view ambiguous_lines[] = {
    "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: 1\r\nContent-Length: 1\r\n",
    "Content-Length: 1, 1\r\n",
    "Content-Length: +1\r\n",
    "Content-Length: -1\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Content-Length : 1\r\n",
    "X: a\r\n b\r\n",
    "X: a\nY: b\r\n",
    "X: a\rY: b\r\n",
    {"X: a\0b\r\n", 8},
};

}  // namespace culvert::test
