// Requests as RFC 9112 spells them, read in the most simple way: one function for each rule of the grammar, no code of
// culvert's. What it calls malformed, no proxy may pass on.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert::fuzz::strict {

struct Field {
  std::string name;
  std::string value;
};

struct Request {
  std::string method;
  std::string target;
  int minor_version = 1;
  std::vector<Field> fields;
  std::string body;
  std::vector<Field> trailers;
  bool has_extensions = false;  // of chunks, which are not read any further
  std::size_t end = 0;          // bytes of the stream up to its own end
};

struct Stream {
  std::vector<Request> requests;  // complete ones
  enum class End { clean, incomplete, malformed, no_http } end = End::clean;  // no_http: after CONNECT or a last request
};

inline bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_tchar(char c) {
  return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
inline bool is_vchar(char c) { return c > ' ' && c < '\x7f'; }
inline bool is_text(char c) { return is_vchar(c) || c == ' ' || c == '\t' || static_cast<unsigned char>(c) >= 0x80; }
inline bool is_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_tchar); }

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

inline std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The members of all fields of that name that are not empty, in lower case.
inline std::vector<std::string> members(const std::vector<Field>& fields, std::string_view name) {
  std::vector<std::string> out;
  for (const Field& field : fields) {
    if (lower(field.name) != name) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (const auto member = trim(rest.substr(0, comma)); !member.empty()) out.push_back(lower(member));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return out;
}

inline std::size_t count(const std::vector<Field>& fields, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(), [&](const Field& field) { return lower(field.name) == name; }));
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes), size_(bytes.size()) {}

  Stream read() {
    Stream stream;
    for (;;) {
      while (rest_.starts_with("\r\n")) rest_.remove_prefix(2);
      if (rest_.empty()) return stream;
      Request request;
      const Verdict verdict = read_request(request);
      if (verdict != Verdict::ok) {
        stream.end = verdict == Verdict::malformed ? Stream::End::malformed : Stream::End::incomplete;
        return stream;
      }
      request.end = size_ - rest_.size();
      const bool last = is_last(request);
      stream.requests.push_back(std::move(request));
      if (last) return stream.end = Stream::End::no_http, stream;
    }
  }

 private:
  enum class Verdict { ok, incomplete, malformed };

  static bool is_last(const Request& request) {
    const auto options = members(request.fields, "connection");
    const auto has = [&](const char* option) { return std::find(options.begin(), options.end(), option) != options.end(); };
    return request.method == "CONNECT" || has("close") || (request.minor_version == 0 && !has("keep-alive"));
  }

  // Up to CRLF, which must be the first control character but HTAB that there is.
  Verdict read_line(std::string_view& line) {
    const std::size_t end = rest_.find("\r\n");
    line = rest_.substr(0, end);
    if (end == std::string_view::npos) return Verdict::incomplete;
    rest_.remove_prefix(end + 2);
    return std::all_of(line.begin(), line.end(), is_text) ? Verdict::ok : Verdict::malformed;
  }

  Verdict read_request(Request& request) {
    std::string_view line;
    if (const Verdict verdict = read_line(line); verdict != Verdict::ok) return verdict;
    if (!read_request_line(line, request)) return Verdict::malformed;
    if (const Verdict verdict = read_fields(request.fields); verdict != Verdict::ok) return verdict;
    if (count(request.fields, "host") > 1) return Verdict::malformed;
    if (request.minor_version == 1 && count(request.fields, "host") == 0) return Verdict::malformed;
    return read_body(request);
  }

  static bool read_request_line(std::string_view line, Request& request) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return false;
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (version != "HTTP/1.0" && version != "HTTP/1.1") return false;
    request.minor_version = version.back() - '0';
    return is_token(request.method) && !request.target.empty() &&
           std::all_of(request.target.begin(), request.target.end(), [](char c) { return is_vchar(c) && c != '#'; });
  }

  Verdict read_fields(std::vector<Field>& fields) {
    for (;;) {
      std::string_view line;
      if (const Verdict verdict = read_line(line); verdict != Verdict::ok) return verdict;
      if (line.empty()) return Verdict::ok;
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return Verdict::malformed;
      fields.push_back({std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
    }
  }

  Verdict read_body(Request& request) {
    const bool coded = count(request.fields, "transfer-encoding") > 0;
    const std::size_t lengths = count(request.fields, "content-length");
    if (coded) {
      const auto codings = members(request.fields, "transfer-encoding");
      if (lengths > 0 || request.minor_version == 0 || codings != std::vector<std::string>{"chunked"}) {
        return Verdict::malformed;
      }
      return read_chunks(request);
    }
    if (lengths == 0) return Verdict::ok;
    if (lengths > 1) return Verdict::malformed;
    const auto field = std::find_if(request.fields.begin(), request.fields.end(),
                                    [](const Field& line) { return lower(line.name) == "content-length"; });
    const auto length = number(field->value, 10);
    if (!length) return Verdict::malformed;
    return take(*length, request.body) ? Verdict::ok : Verdict::incomplete;
  }

  Verdict read_chunks(Request& request) {
    for (;;) {
      std::string_view line;
      if (const Verdict verdict = read_line(line); verdict != Verdict::ok) return verdict;
      const std::size_t end = std::min(line.find(';'), line.size());
      request.has_extensions = request.has_extensions || end < line.size();
      const auto size = number(line.substr(0, end), 16);
      if (!size) return Verdict::malformed;
      if (*size == 0) return read_fields(request.trailers);
      if (!take(*size, request.body)) return Verdict::incomplete;
      if (rest_.size() < 2) return Verdict::incomplete;
      if (!rest_.starts_with("\r\n")) return Verdict::malformed;
      rest_.remove_prefix(2);
    }
  }

  bool take(std::uint64_t size, std::string& body) {
    if (rest_.size() < size) return false;
    body += rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  static std::optional<std::uint64_t> number(std::string_view digits, unsigned base) {
    if (digits.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
      const std::size_t digit = std::string_view("0123456789abcdef").find(lower({&c, 1}));
      if (digit >= base || value > (UINT64_MAX - digit) / base) return std::nullopt;
      value = value * base + digit;
    }
    return value;
  }

  std::string_view rest_;
  const std::size_t size_;
};

}  // namespace culvert::fuzz::strict
