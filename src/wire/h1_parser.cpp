#include "wire/h1_parser.hpp"

#include <llhttp.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "base/ascii.hpp"
#include "wire/header_lookup.hpp"
#include "wire/open_line.hpp"
#include "wire/request_target.hpp"
#include "wire/sixteen.hpp"
#include "wire/start_line.hpp"
#include "wire/text.hpp"

namespace culvert::wire {
namespace {

constexpr std::uint32_t chunk_extension_bytes_max = 16 * 1024;  // of one message, as in Node
// What a chunk needs besides its data: a size of 64 bits, and two line ends. More is extensions, or zeros in front.
constexpr std::int64_t chunk_line_bytes = 16 + 2 + 2;

// Names that say where a message ends, belong to one connection, or must not be slipped in late. RFC 9110 6.5.1 lets a
// recipient ignore them, so that they are dropped rather than refused.
constexpr int not_in_trailers = framing | hop_by_hop | protected_;

// Without the blanks around it. There are no other characters up to SP any more: find_line_end saw to it.
std::string_view trim_value(const char* first, const char* last) {
  const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (first != last && blank(*first)) ++first;
  while (first != last && blank(last[-1])) --last;
  return {first, last};
}

// Of the line end alone; 0 where the line has something else in it.
std::size_t empty_line_size(const char* line, Rules rules) {
  if (is_line_end(line)) return 2;
  return line[0] == '\n' && rules == Rules::insecure ? 1 : 0;
}

struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
};

ConnectionOptions connection_options(const HeaderList& headers) {
  ConnectionOptions options;
  if (!headers.may_have(HeaderId::connection)) return options;
  for (const Header& header : headers) {
    if (header.id != HeaderId::connection) continue;
    for (std::string_view rest = header.value; !rest.empty();) {
      const std::string_view option = ascii::take_member(rest);
      const HeaderId nominated = header_id(option);  // all options but "close" are names of fields
      options.close = options.close || ascii::iequals(option, "close");
      options.keep_alive = options.keep_alive || nominated == HeaderId::keep_alive;
      options.upgrade = options.upgrade || nominated == HeaderId::upgrade;
    }
  }
  return options;
}

enum class Phase : std::uint8_t { head, length, until_close, chunks, trailers, ending, complete, stopped };

}  // namespace

// Header lines are read here: they are most of a head's bytes, and llhttp spends 14 instructions on each (4 200 on a
// head of 300 bytes, before anything is kept of it). With the guard in front there is little left to judge: a token, a
// colon, a value. It also means that no version of llhttp has an opinion of its own about framing: all it hears of a
// message is that chunks follow.
struct H1Parser::State {
  State(MessageKind message_kind, H1Handler& message_handler) : handler(message_handler), kind(message_kind) {}

  void begin(Arena& message_arena, const ParserLimits& message_limits);
  Fed feed(std::string_view bytes);
  std::error_code finish();

  std::size_t take(std::string_view bytes);
  std::size_t take_lines(std::string_view bytes);
  std::size_t take_open_line(std::string_view bytes);
  std::size_t finish_open_line(std::string_view bytes);
  const char* copy_lines(std::string_view lines);
  std::size_t read_lines(const char* lines, std::size_t size);
  const char* read_first_line(const char* line);
  const char* read_fields(const char* line);
  const char* refuse_field(const char* line);
  void end_section();
  void end_head();
  void judge_connection();
  void start_body(BodyRule rule);
  std::size_t take_length(std::string_view bytes);
  std::size_t take_until_close(std::string_view bytes);
  std::size_t take_chunks(std::string_view bytes);
  void take_part(std::string_view part);
  void tell_complete();

  // llhttp's callbacks.
  static State& of(llhttp_t* chunks) { return *static_cast<State*>(chunks->data); }
  static int on_chunk_size(llhttp_t* chunks);
  static int on_chunk_extension(llhttp_t* chunks, const char* at, std::size_t size);
  static int on_chunk_extension_name(llhttp_t* chunks, const char* at, std::size_t size);
  static int on_chunk_extension_named(llhttp_t* chunks);
  static int on_chunk_data(llhttp_t* chunks, const char* at, std::size_t size);
  static const llhttp_settings_t chunk_callbacks;

  bool has_begun() const { return guard.has_begun() || (!open_line.empty() && open_line.text().front() != '\r'); }
  bool keeps(HeaderId id) const;
  bool strict() const { return limits.rules == Rules::strict; }
  void begin_chunks();
  bool run(std::string_view bytes);

  H1Handler& handler;
  Arena* arena = nullptr;
  llhttp_t* chunks = nullptr;  // in the arena; where there are any
  MessageHead head;
  HeaderList trailers;
  HeadGuard guard;
  ParserLimits limits;
  OpenLine open_line;
  std::uint64_t length_left = 0;
  std::uint64_t body_bytes = 0;
  std::int64_t chunk_line_bytes_left = chunk_extension_bytes_max + chunk_line_bytes;  // up to the end of the next size
  std::uint32_t chunk_extension_bytes = 0;
  MessageKind kind;
  ParseError error = ParseError::ok;
  Phase phase = Phase::complete;
  bool start_line_read = false;
  bool head_ended = false;
  bool extension_has_name = false;
  bool paused = false;
};

const llhttp_settings_t H1Parser::State::chunk_callbacks = [] {
  llhttp_settings_t callbacks{};
  callbacks.on_chunk_header = on_chunk_size;
  callbacks.on_chunk_extension_name = on_chunk_extension_name;
  callbacks.on_chunk_extension_name_complete = on_chunk_extension_named;
  callbacks.on_chunk_extension_value = on_chunk_extension;
  callbacks.on_body = on_chunk_data;
  return callbacks;
}();

void H1Parser::State::begin(Arena& message_arena, const ParserLimits& message_limits) {
  arena = &message_arena;
  limits = message_limits;
  guard.begin(kind == MessageKind::request ? HeadGuard::Section::request : HeadGuard::Section::response, limits);
  phase = Phase::head;
}

Fed H1Parser::State::feed(std::string_view bytes) {
  paused = false;
  std::size_t used = 0;
  while (!paused && error == ParseError::ok) {
    if (phase == Phase::ending) {
      tell_complete();
      break;
    }
    if (used == bytes.size() || phase == Phase::complete || phase == Phase::stopped) break;
    used += take(bytes.substr(used));
  }
  return {used, error == ParseError::ok ? std::error_code() : error};
}

// One step of the message: what is there of its head, body or trailers.
std::size_t H1Parser::State::take(std::string_view bytes) {
  switch (phase) {
    case Phase::head:
    case Phase::trailers: return take_lines(bytes);
    case Phase::length: return take_length(bytes);
    case Phase::until_close: return take_until_close(bytes);
    case Phase::chunks: return take_chunks(bytes);
    case Phase::ending:
    case Phase::complete:
    case Phase::stopped: break;
  }
  return 0;
}

std::error_code H1Parser::State::finish() {
  if (error != ParseError::ok) return error;
  if (phase == Phase::complete || phase == Phase::stopped) return {};
  if (phase == Phase::head && !has_begun()) return {};
  if (phase == Phase::until_close || phase == Phase::ending) {
    tell_complete();
    return {};
  }
  return error = ParseError::HPE_INVALID_EOF_STATE;
}

// ---- head and trailers

// One step of it. Usually the whole head is there: it is copied in one piece, and read where it will stay.
std::size_t H1Parser::State::take_lines(std::string_view bytes) {
  const std::string_view allowed = guard.allowed(bytes);
  if (allowed.empty()) {
    error = guard.overflow(open_line.text());
    return 0;
  }
  std::size_t taken = 0;
  if (!open_line.empty()) {
    taken = finish_open_line(allowed);
  } else if (const std::size_t whole = whole_lines(allowed); whole > 0) {
    taken = read_lines(copy_lines(allowed.substr(0, whole)), whole);
  } else {
    taken = take_open_line(allowed);
  }
  guard.took(taken);
  return taken;
}

// The beginning of a line: nothing is asked of it but its first byte until it is whole.
std::size_t H1Parser::State::take_open_line(std::string_view bytes) {
  if (const ParseError wrong = guard.judge(bytes.front()); wrong != ParseError::ok) {
    error = wrong;
    return 0;
  }
  open_line.append(*arena, bytes);
  return bytes.size();
}

std::size_t H1Parser::State::finish_open_line(std::string_view bytes) {
  const std::size_t line_feed = bytes.find('\n');
  const std::string_view rest = bytes.substr(0, line_feed == std::string_view::npos ? line_feed : line_feed + 1);
  open_line.append(*arena, rest);
  if (line_feed != std::string_view::npos) {
    const std::string_view line = open_line.take();
    read_lines(line.data(), line.size());
  }
  return rest.size();
}

// In the arena, with the margin that the search for their ends needs.
const char* H1Parser::State::copy_lines(std::string_view lines) {
  char* const place = static_cast<char*>(arena->allocate(lines.size() + margin, 1));
  std::memcpy(place, lines.data(), lines.size());
  std::memset(place + lines.size(), 0, margin);
  return place;
}

// Reads until the section ends, returns how many bytes it had.
std::size_t H1Parser::State::read_lines(const char* lines, std::size_t size) {
  const char* const end = lines + size;
  const char* at = lines;
  while (at != end && error == ParseError::ok) {
    if (!guard.usual(*at)) {
      const std::size_t empty_line = empty_line_size(at, limits.rules);
      if (empty_line > 0) {
        at += empty_line;
        if (phase == Phase::head && !guard.has_begun()) continue;
        end_section();
        break;
      }
      error = guard.judge(*at);
      if (error != ParseError::ok) break;
    }
    at = start_line_read ? read_fields(at) : read_first_line(at);
  }
  return static_cast<std::size_t>(at - lines);
}

// These read the whole line that begins at `line`, and return where the next one does, or where it went wrong.
const char* H1Parser::State::read_first_line(const char* line) {
  start_line_read = true;
  guard.count_line();
  return read_start_line(kind, limits.rules, line, head, error);
}

// And all the fields that follow it: the byte behind the last line is none that one begins with.
const char* H1Parser::State::read_fields(const char* line) {
  const bool in_head = phase == Phase::head;
  const bool keeps_all = in_head && !guard.over_limit();
  HeaderList& fields = in_head ? head.headers : trailers;
  do {
    guard.count_line();
    const char* const colon = find_guarded(line, colons_and_line_feeds<Sixteen>);
    const std::string_view name{line, colon};
    const HeaderId id = lookup::guarded_header_id(name);
    if (*colon != ':' || (id == HeaderId::other && !is_token(name))) return refuse_field(line);
    const LineEnd end = find_line_end(colon, limits.rules);
    if (end.error != ParseError::ok) return refuse_field(line);
    if (keeps_all || keeps(id)) {
      fields.push(*arena, {id, name, trim_value(colon + 1, end.at)});
    }
    line = end.at + end.size;
  } while (guard.usual(*line));
  return line;
}

// Of trailers, and of the fields over the limit, which strict rules have refused: Node ignores them, but not what says
// where the message ends.
bool H1Parser::State::keeps(HeaderId id) const {
  if (phase == Phase::trailers) return (flags_of(id) & not_in_trailers) == 0;
  return (flags_of(id) & (framing | hop_by_hop)) != 0 || id == HeaderId::host;
}

// What is wrong with its end comes before what is wrong with its name.
const char* H1Parser::State::refuse_field(const char* line) {
  const LineEnd end = find_line_end(line, limits.rules);
  error = end.error != ParseError::ok ? end.error : ParseError::HPE_INVALID_HEADER_TOKEN;
  return line;
}

void H1Parser::State::end_section() {
  if (phase == Phase::head) {
    end_head();
  } else {
    phase = Phase::ending;
  }
}

void H1Parser::State::end_head() {
  if (kind == MessageKind::request) {
    if (strict()) error = judge_destination(head.method, head.target, head.headers);
    if (error == ParseError::ok) error = judge_request(head.headers, head.minor_version, limits.rules, head.framing);
    const bool wants_host = limits.require_host && head.minor_version == 1;
    if (error == ParseError::ok && wants_host && head.headers.find(HeaderId::host) == nullptr) {
      error = ParseError::missing_host;
    }
  } else {
    error = judge_response(head.headers, head.status, limits.rules, head.framing);
  }
  if (error != ParseError::ok) return;
  head.keep_alive = head.minor_version == 1;
  if (!head.keep_alive || head.headers.may_have(HeaderId::connection)) judge_connection();
  head_ended = true;
  start_body(handler.on_head());
}

void H1Parser::State::judge_connection() {
  const bool http_1_1 = head.minor_version == 1;
  const ConnectionOptions options = connection_options(head.headers);
  // Chunked in HTTP/1.0 means that somebody on the way did not understand the framing (RFC 9112 6.1).
  const bool framing_in_doubt = !http_1_1 && head.framing.kind == Framing::Kind::chunked;
  head.keep_alive = !options.close && (http_1_1 || options.keep_alive) && !framing_in_doubt;
  head.upgrade = http_1_1 && options.upgrade && head.headers.find(HeaderId::upgrade) != nullptr;
}

// ---- body

void H1Parser::State::start_body(BodyRule rule) {
  if (rule == BodyRule::stop) {
    phase = Phase::stopped;
    return;
  }
  switch (rule == BodyRule::none ? Framing::Kind::none : head.framing.kind) {
    case Framing::Kind::none: phase = Phase::ending; break;
    case Framing::Kind::length:
      length_left = head.framing.length;
      phase = length_left == 0 ? Phase::ending : Phase::length;
      break;
    case Framing::Kind::chunked:
      phase = Phase::chunks;
      begin_chunks();
      break;
    case Framing::Kind::until_close: phase = Phase::until_close; break;
  }
}

std::size_t H1Parser::State::take_length(std::string_view bytes) {
  const std::string_view part = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), length_left));
  length_left -= part.size();
  if (length_left == 0) phase = Phase::ending;
  take_part(part);
  return part.size();
}

std::size_t H1Parser::State::take_until_close(std::string_view bytes) {
  take_part(bytes);
  return bytes.size();
}

// Out of line, so that feed() stays small enough to be a part of its callers.
[[gnu::noinline]] std::size_t H1Parser::State::take_chunks(std::string_view bytes) {
  const std::uint64_t body_bytes_before = body_bytes;
  std::size_t taken = bytes.size();
  if (!run(bytes)) {
    if (error != ParseError::ok) return 0;
    taken = static_cast<std::size_t>(llhttp_get_error_pos(chunks) - bytes.data());
    llhttp_resume(chunks);
  }
  chunk_line_bytes_left -= static_cast<std::int64_t>(taken - (body_bytes - body_bytes_before));
  if (chunk_line_bytes_left < 0 && strict()) error = ParseError::HPE_CHUNK_EXTENSIONS_OVERFLOW;
  return taken;
}

void H1Parser::State::take_part(std::string_view part) {
  body_bytes += part.size();
  handler.on_body(as_bytes(part));
}

void H1Parser::State::tell_complete() {
  phase = Phase::complete;
  handler.on_complete();
}

// ---- llhttp

// llhttp has chunks only in messages, so that it is told of one: which does not matter.
void H1Parser::State::begin_chunks() {
  chunks = ::new (arena->allocate(sizeof(llhttp_t), alignof(llhttp_t))) llhttp_t;
  llhttp_init(chunks, HTTP_REQUEST, &chunk_callbacks);
  chunks->data = this;
  run("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
}

// Whether llhttp took all of it. If not, either `error` is set or llhttp is paused.
bool H1Parser::State::run(std::string_view bytes) {
  const llhttp_errno_t result = llhttp_execute(chunks, bytes.data(), bytes.size());
  if (result == HPE_OK) return true;
  if (result != HPE_PAUSED && error == ParseError::ok) error = parse_error_named(llhttp_errno_name(result));
  return false;
}

// The last chunk has no bytes; after its line come the trailers, which are read like header lines.
int H1Parser::State::on_chunk_size(llhttp_t* chunks) {
  State& state = of(chunks);
  state.chunk_line_bytes_left += chunk_line_bytes;
  if (chunks->content_length != 0) return HPE_OK;
  state.phase = Phase::trailers;
  state.guard.begin(HeadGuard::Section::trailers, state.limits);
  return HPE_PAUSED;
}

int H1Parser::State::on_chunk_extension(llhttp_t* chunks, const char*, std::size_t size) {
  State& state = of(chunks);
  state.chunk_extension_bytes += static_cast<std::uint32_t>(std::min<std::size_t>(size, chunk_extension_bytes_max + 1));
  if (state.chunk_extension_bytes > chunk_extension_bytes_max) {
    state.error = ParseError::HPE_CHUNK_EXTENSIONS_OVERFLOW;
    return HPE_USER;
  }
  return HPE_OK;
}

int H1Parser::State::on_chunk_extension_name(llhttp_t* chunks, const char* at, std::size_t size) {
  State& state = of(chunks);
  state.extension_has_name = state.extension_has_name || size > 0;
  return on_chunk_extension(chunks, at, size);
}

int H1Parser::State::on_chunk_extension_named(llhttp_t* chunks) {
  State& state = of(chunks);
  if (std::exchange(state.extension_has_name, false) || !state.strict()) return HPE_OK;
  state.error = ParseError::HPE_STRICT;
  return HPE_USER;
}

int H1Parser::State::on_chunk_data(llhttp_t* chunks, const char* at, std::size_t size) {
  State& state = of(chunks);
  if (size > 0) state.take_part({at, size});
  return state.paused ? HPE_PAUSED : HPE_OK;
}

// ---- the public face

H1Parser::H1Parser(MessageKind kind, H1Handler& handler) {
  static_assert(sizeof(State) <= sizeof storage_);
  static_assert(alignof(State) <= alignof(std::max_align_t));
  static_assert(std::is_trivially_destructible_v<State>);
  ::new (static_cast<void*>(storage_)) State(kind, handler);
}

void H1Parser::begin(Arena& arena, const ParserLimits& limits) {
  const bool used = state().arena != nullptr;
  if (used) ::new (static_cast<void*>(storage_)) State(state().kind, state().handler);
  state().begin(arena, limits);
}
Fed H1Parser::feed(Bytes bytes) { return state().feed(as_text(bytes)); }
std::error_code H1Parser::finish() { return state().finish(); }
void H1Parser::pause() { state().paused = true; }

MessageHead& H1Parser::head() { return state().head; }
HeaderList& H1Parser::trailers() { return state().trailers; }
bool H1Parser::has_begun() const { return state().has_begun() || state().head_ended; }
bool H1Parser::in_line() const { return !state().open_line.empty(); }
bool H1Parser::head_complete() const { return state().head_ended; }
bool H1Parser::complete() const { return state().phase == Phase::complete; }
bool H1Parser::stopped() const { return state().phase == Phase::stopped; }
std::uint64_t H1Parser::body_bytes() const { return state().body_bytes; }

}  // namespace culvert::wire
