// Errors as values. What a peer or the network does wrong travels up as a Result or an error_code; what the calling
// program does wrong (a header after the head was sent, an invalid name) is thrown as http_error with Node's code.
#pragma once
#include <cassert>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace culvert {

// One row an error that culvert itself can report: name, sentence. Names that Node has keep Node's spelling.
#define CULVERT_ERRORS(X)                                                                                   \
  X(end_of_stream, "the peer closed its side of the connection")                                            \
  X(aborted, "aborted")                                                                                     \
  X(socket_hang_up, "socket hang up")                                                                       \
  X(name_not_found, "the host name has no address")                                                         \
  X(no_free_connection, "no connection became free in time")                                                \
  X(queue_full, "as many requests wait for a connection as may")                                            \
  X(timed_out, "timed out")                                                                                 \
  X(upgrade_unexpected, "the peer switched protocols, which nobody had asked for")                          \
  X(too_many_informations, "the peer sent more interim answers than are read before the final one")           \
  X(tls_disconnected, "the server closed the connection before TLS stood")                                  \
  X(unexpected_data, "bytes arrived on a connection that nobody asked for")                                 \
  X(websocket_refused, "the server did not switch to the WebSocket protocol")                               \
  X(websocket_accept, "the server's Sec-WebSocket-Accept does not answer the key")                          \
  X(websocket_protocol, "the server chose a subprotocol that was not offered")                              \
  X(websocket_extension, "the server chose an extension that was not offered")                              \
  X(ERR_HTTP_REQUEST_TIMEOUT, "Request timeout")                                                             \
  X(ERR_HTTP_HEADERS_SENT, "Cannot change headers after they are sent to the peer")                         \
  X(ERR_HTTP_INVALID_STATUS_CODE, "Invalid status code")                                                    \
  X(ERR_INVALID_HTTP_TOKEN, "Header name or method must be a valid HTTP token")                             \
  X(ERR_INVALID_CHAR, "Invalid character in header content")                                                \
  X(ERR_UNESCAPED_CHARACTERS, "Request path contains unescaped characters")                                 \
  X(ERR_INVALID_URL, "Invalid URL")                                                                         \
  X(ERR_OUT_OF_RANGE, "The value is out of range")                                                          \
  X(ERR_STREAM_WRITE_AFTER_END, "write after end")                                                          \
  X(ERR_STREAM_ALREADY_FINISHED, "Cannot call end after a stream was finished")                             \
  X(ERR_HTTP_INVALID_HEADER_VALUE, "Invalid header value")                                                  \
  X(ERR_HTTP_CONTENT_LENGTH_MISMATCH, "The body does not have the length that Content-Length says")         \
  X(ERR_HTTP_BODY_NOT_ALLOWED, "Adding content for this request method or response status is not allowed.") \
  X(ERR_HTTP_TRAILER_INVALID, "Trailers are invalid with this transfer encoding")                           \
  X(ERR_METHOD_NOT_IMPLEMENTED, "The _implicitHeader() method is not implemented")                          \
  X(ERR_INVALID_ARG_TYPE, "The argument has a wrong type")                                                  \
  X(ERR_INVALID_ARG_VALUE, "The argument has an invalid value")                                             \
  X(ERR_INVALID_STATE, "Invalid state")                                                                     \
  X(ERR_INVALID_PROTOCOL, "The protocol is not one that the agent speaks")                                  \
  X(ERR_SERVER_NOT_RUNNING, "Server is not running.")                                                       \
  X(ERR_SERVER_ALREADY_LISTEN, "Listen method has been called more than once without closing.")             \
  X(ABORT_ERR, "The operation was aborted")

// The errors of the table above. Network errors keep their own categories (std::errc).
enum class errc {
  ok = 0,
#define CULVERT_ROW(name, sentence) name,
  CULVERT_ERRORS(CULVERT_ROW)
#undef CULVERT_ROW
};

// The name of an error as it stands in the table, for example "ERR_HTTP_HEADERS_SENT".
std::string_view name_of(errc error);
const std::error_category& culvert_category();  // its name is "culvert"
// An errc is one by itself: std::error_code error = errc::aborted.
inline std::error_code make_error_code(errc error) { return {static_cast<int>(error), culvert_category()}; }

// Thrown when the calling program broke the contract; code() is one of errc's ERR_ rows.
// what() is Node's message.
class http_error : public std::system_error {
 public:
  // With the sentence of the table, or with one of its own.
  explicit http_error(errc error) : http_error(error, make_error_code(error).message()) {}
  http_error(errc error, std::string message)
      : std::system_error(make_error_code(error)), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

// A value or the reason why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}                        // NOLINT: meant to convert
  Result(std::error_code error) : error_(error) { assert(error); }     // NOLINT: meant to convert
  Result(errc error) : error_(make_error_code(error)) {}               // NOLINT: meant to convert

  explicit operator bool() const { return !error_; }    // there is a value
  std::error_code error() const { return error_; }      // none where there is a value
  // The value. Only where there is one.
  T& operator*() { assert(!error_); return value_; }
  T* operator->() { assert(!error_); return &value_; }

 private:
  T value_{};
  std::error_code error_;
};

}  // namespace culvert

template <>
struct std::is_error_code_enum<culvert::errc> : std::true_type {};
