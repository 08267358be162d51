#include "simulation/message_reader.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace culvert::simulation {

namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// VCHAR, obs-text, SP and HTAB.
bool is_text(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7f); });
}

bool number(std::string_view digits, int base, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return error == std::errc() && end == digits.data() + digits.size() && !digits.starts_with('+') &&
         !digits.starts_with('-');
}

std::vector<std::string_view> lines_of(std::string_view block) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < block.size();) {
    const std::size_t end = block.find("\r\n", at);
    lines.push_back(block.substr(at, end - at));
    at = end + 2;
  }
  return lines;
}

}  // namespace

const std::string* find(const Fields& fields, std::string_view name) {
  const auto at = std::ranges::find_if(fields, [&](const auto& field) { return same_name(field.first, name); });
  return at == fields.end() ? nullptr : &at->second;
}

std::string reason_in(const Fields& fields) {
  const std::string* const field = find(fields, "Proxy-Status");
  constexpr std::string_view key = "details=\"";
  const std::size_t at = field == nullptr ? std::string::npos : field->find(key);
  if (at == std::string::npos) return {};
  return field->substr(at + key.size(), field->find('"', at + key.size()) - at - key.size());
}

bool MessageReader::Head::closes() const {
  const std::string* connection = find(fields, "Connection");
  if (minor_version == 0) return connection == nullptr || !same_name(*connection, "keep-alive");
  return connection != nullptr && same_name(*connection, "close");
}

void MessageReader::feed(std::string_view bytes) {
  if (!broken_.empty()) return;
  buffer_ += bytes;
  while (!buffer_.empty() && broken_.empty() && step()) {
  }
}

void MessageReader::end() {
  if (state_ == State::until_close && broken_.empty()) message_ends();
}

void MessageReader::leave_http() { state_ = State::until_close; }

// One step further; false where more bytes are needed.
bool MessageReader::step() {
  switch (state_) {
    case State::head:
      return read_head();
    case State::length:
      return take_body(State::head);
    case State::chunk_size:
      return read_chunk_size();
    case State::chunk:
      return take_body(State::chunk_end);
    case State::chunk_end:
      if (buffer_.size() < 2) return false;
      if (buffer_.take(2) != "\r\n") return fail("a chunk without its line end");
      state_ = State::chunk_size;
      return true;
    case State::trailers:
      return read_trailers();
    case State::until_close:
      reader_.on_body(buffer_.take(buffer_.size()));
      return false;
  }
  return false;
}

bool MessageReader::read_head() {
  const std::size_t end = buffer_.view().find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string block = buffer_.take(end + 2);
  buffer_.skip(2);
  head_ = {};
  trailers_.clear();
  const std::vector<std::string_view> lines = lines_of(block);
  if (!start_line(lines[0])) return fail("start line: " + std::string(lines[0]));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (!add_field(lines[i], head_.fields)) return fail("field line: " + std::string(lines[i]));
  }
  choose_framing(reader_.on_head(head_));
  return true;
}

bool MessageReader::start_line(std::string_view line) {
  if (!is_text(line)) return false;
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return false;
  const std::string_view parts[] = {line.substr(0, first), line.substr(first + 1, second - first - 1),
                                    line.substr(second + 1)};
  const std::string_view version = kind_ == Kind::request ? parts[2] : parts[0];
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
  head_.minor_version = version.back() - '0';
  if (kind_ == Kind::request) {
    head_.method = parts[0];
    head_.target = parts[1];
    return is_token(parts[0]) && !parts[1].empty();
  }
  std::uint64_t status = 0;
  if (parts[1].size() != 3 || !number(parts[1], 10, status)) return false;
  head_.status = static_cast<int>(status);
  return status >= 100;
}

bool MessageReader::add_field(std::string_view line, Fields& to) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) || !is_text(line)) return false;
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  to.emplace_back(line.substr(0, colon), value);
  return true;
}

void MessageReader::choose_framing(bool body) {
  const auto count = [&](std::string_view name) {
    return std::ranges::count_if(head_.fields, [&](const auto& field) { return same_name(field.first, name); });
  };
  const std::string* length = find(head_.fields, "Content-Length");
  const std::string* coding = find(head_.fields, "Transfer-Encoding");
  if (count("Content-Length") + count("Transfer-Encoding") > 1) return void(fail("two framings"));
  if (coding != nullptr && (*coding != "chunked" || head_.minor_version == 0)) return void(fail("coding " + *coding));
  if (length != nullptr && !number(*length, 10, left_)) return void(fail("length " + *length));
  const bool empty = head_.status / 100 == 1 || head_.status == 204;
  if (empty && (length != nullptr || coding != nullptr)) return void(fail("framing without a body"));
  if (head_.status == 101) return leave_http();
  if (!body || empty || head_.status == 304) return message_ends();
  if (coding != nullptr) {
    state_ = State::chunk_size;
  } else if (length != nullptr) {
    if (left_ == 0) return message_ends();
    state_ = State::length;
  } else if (kind_ == Kind::response) {
    state_ = State::until_close;
  } else {
    message_ends();
  }
}

bool MessageReader::read_chunk_size() {
  const std::size_t end = buffer_.view().find("\r\n");
  if (end == std::string::npos) return false;
  const std::string size = buffer_.take(end);
  if (!number(size, 16, left_)) return fail("chunk size " + size);
  buffer_.skip(2);
  state_ = left_ == 0 ? State::trailers : State::chunk;
  return true;
}

bool MessageReader::take_body(State next) {
  const std::string part = buffer_.take(left_);
  left_ -= part.size();
  reader_.on_body(part);
  if (left_ > 0) return false;
  if (next == State::head) {
    message_ends();
  } else {
    state_ = next;
  }
  return true;
}

bool MessageReader::read_trailers() {
  const std::size_t end = buffer_.view().find("\r\n");
  if (end == std::string::npos) return false;
  const std::string line = buffer_.take(end);
  buffer_.skip(2);
  if (line.empty()) {
    message_ends();
    return true;
  }
  return add_field(line, trailers_) || fail("trailer line: " + line);
}

bool MessageReader::fail(std::string what) {
  broken_ = std::move(what);
  return false;
}

void MessageReader::message_ends() {
  state_ = State::head;
  reader_.on_message_end(trailers_);
}

}  // namespace culvert::simulation
