#include "wire/h1_writer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <utility>

#include "base/ascii.hpp"
#include "wire/text.hpp"

namespace culvert::wire {
namespace {

constexpr auto three_digits = [] {
  std::array<std::array<char, 3>, 1000> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = {static_cast<char>('0' + i / 100), static_cast<char>('0' + i / 10 % 10),
                static_cast<char>('0' + i % 10)};
  }
  return table;
}();

}  // namespace

void HeadBuffer::append_decimal(std::uint64_t number) {
  reserve(ascii::decimal_digits_max);
  end_ = ascii::append_decimal(end_, number);
}

void HeadBuffer::append_fields(std::span<const Header> lines) {
  std::size_t bytes = 0;
  for (const Header& line : lines) bytes += line.name.size() + line.value.size() + 4;
  reserve(bytes);
  char* at = end_;
  for (const Header& line : lines) {
    at = copy(at, line.name);
    at = copy(at, ": ");
    at = copy(at, line.value);
    at = copy(at, "\r\n");
  }
  end_ = at;
}

void HeadBuffer::grow(std::size_t more) {
  const std::size_t used = size();
  const std::size_t capacity = std::max(2 * static_cast<std::size_t>(limit_ - data_.get()), used + more);
  auto data = std::make_unique_for_overwrite<char[]>(capacity);
  std::memcpy(data.get(), data_.get(), used);
  data_ = std::move(data);
  end_ = data_.get() + used;
  limit_ = data_.get() + capacity;
}

void write_request_line(HeadBuffer& out, std::string_view method, std::string_view target) {
  out.append_all(method, " ", target, " HTTP/1.1\r\n");
}

void write_status_line(HeadBuffer& out, std::uint16_t status, std::string_view reason) {
  assert(status >= 100 && status <= 999);
  const std::string_view digits{three_digits[status].data(), 3};
  out.append_all("HTTP/1.1 ", digits, " ", reason, "\r\n");
}

std::size_t write_chunk_size(char* out, std::size_t size) {
  assert(size != 0);
  char* end = std::to_chars(out, out + chunk_size_max, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<std::size_t>(end - out);
}

bool valid_token(std::string_view text) { return is_token(text); }

bool valid_field_value(std::string_view text) { return find(text, control_characters<Sixteen>) == text.size(); }

bool valid_target(std::string_view text) { return !text.empty() && find(text, not_in_target<Sixteen>) == text.size(); }

}  // namespace culvert::wire
