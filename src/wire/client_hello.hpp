// What a TLS client says in the clear before anything else (RFC 8446 4.1.2): the name of the server that it wants and the
// protocols that it would speak. Read without answering or decrypting, so that a stream can be led to the right server
// as it is. The bytes may come in pieces of any size, the ClientHello in any number of records.
//
//   Result<bool> complete = reader.read(input);   // what it has taken is off `input`
//   forward(reader.taken()), then what is left of `input`
#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include "culvert/bytes.hpp"
#include "culvert/error.hpp"
#include "wire/preface_error.hpp"

namespace culvert::wire {

// Views that live as long as the reader.
struct ClientHello {
  std::string_view server_name;         // RFC 6066, lower case, a host name and no IP address; empty: none
  std::vector<std::string_view> alpn;   // RFC 7301, in the client's order of preference
  bool encrypted_client_hello = false;  // the true name may be another, which only the server can decrypt; browsers
                                        // also say so where there is none (GREASE)
};

// With the heads of its records. Ordinary ones take some hundred bytes, with a post-quantum key share below 2 KiB.
inline constexpr std::size_t client_hello_bytes_max = 16'384;

class ClientHelloReader {
 public:
  // True: the ClientHello is complete, and nothing behind it was taken. False: it goes on. After an error, of which
  // PrefaceError::not_tls is one, call it no more.
  Result<bool> read(Bytes& input);
  // Once it is complete.
  const ClientHello& hello() const { return hello_; }
  // Everything that was taken, also after an error: the stream from its first byte.
  Bytes taken() const { return taken_; }

 private:
  std::error_code take_record_head(Bytes& input);
  Result<bool> take_fragment(Bytes& input);
  std::error_code judge_message() const;
  std::size_t message_bytes() const;
  std::error_code parse_message();
  std::error_code parse_extension(unsigned type, Bytes content);
  std::error_code parse_server_name(Bytes content);
  std::error_code parse_alpn(Bytes content);

  std::vector<std::byte> taken_;
  std::vector<std::byte> message_;     // the handshake message, put together of its fragments
  std::size_t record_head_bytes_ = 0;  // that have arrived of the current record's
  std::size_t fragment_bytes_ = 0;     // that the current record has yet to bring
  unsigned extensions_seen_ = 0;       // a bit for each of those that are read
  ClientHello hello_;
};

}  // namespace culvert::wire
