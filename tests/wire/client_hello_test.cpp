// What would break: TLS streams would go to the wrong server, or a client could make us hold or read without end.
#include "wire/client_hello.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

namespace culvert::wire {
namespace {

using namespace std::string_literals;

std::string number(std::size_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = bytes; i-- > 0;) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string block(std::size_t length_bytes, const std::string& content) {
  return number(content.size(), length_bytes) + content;
}

std::string extension(unsigned type, const std::string& content) { return number(type, 2) + block(2, content); }
std::string server_name(const std::string& name) { return extension(0, block(2, "\0"s + block(2, name))); }
std::string alpn(const std::string& list) { return extension(16, block(2, list)); }

struct Parts {
  std::string session_id = std::string(32, 's');
  std::string cipher_suites = "\x13\x01\x13\x02"s;
  std::string compression = "\0"s;
  std::string extensions;
};
std::string message(const Parts& parts) {
  return "\x01" + block(3, "\x03\x03" + std::string(32, 'r') + block(1, parts.session_id) + block(2, parts.cipher_suites) +
                               block(1, parts.compression) + block(2, parts.extensions));
}
std::string in_records(const std::string& message, std::size_t fragment_bytes = 16'384) {
  std::string stream;
  for (std::size_t at = 0; at < message.size(); at += fragment_bytes) {
    stream += "\x16\x03\x01" + block(2, message.substr(at, fragment_bytes));
  }
  return stream;
}
std::string hello_with(const std::string& extensions) { return in_records(message({.extensions = extensions})); }

// What openssl s_client and Node (post-quantum) have sent.
std::string captured(const std::string& name) {
  std::ifstream file(CULVERT_SOURCE_DIR "/tests/fuzz/corpus/client_hello/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What a reader makes of `bytes` in pieces of `piece_bytes`.
std::string read(std::string_view bytes, std::size_t piece_bytes) {
  ClientHelloReader reader;
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string piece(bytes.substr(taken, piece_bytes));
    Bytes input = as_bytes(piece);
    Result<bool> complete = reader.read(input);
    taken += piece.size() - input.size();
    EXPECT_EQ(as_text(reader.taken()), bytes.substr(0, taken)) << "the stream goes on to the server as it came";
    if (!complete) return std::string(name_of(static_cast<PrefaceError>(complete.error().value())));
    if (*complete) {
      const ClientHello& hello = reader.hello();
      std::string text = "'" + std::string(hello.server_name) + "'";
      for (const std::string_view protocol : hello.alpn) text.append(" ").append(protocol);
      if (hello.encrypted_client_hello) text += " encrypted";
      return text + " in " + std::to_string(taken);
    }
    EXPECT_TRUE(input.empty());
  }
  return "needs more";
}

// The same in all pieces, with something behind it and without.
std::string read(const std::string& bytes) {
  const std::string whole = read(bytes, bytes.size() + 1);
  for (std::size_t piece = 1; piece <= std::min<std::size_t>(bytes.size(), 12); ++piece) {
    EXPECT_EQ(read(bytes, piece), whole) << "in pieces of " << piece;
  }
  if (whole != "needs more") {
    EXPECT_EQ(read(bytes + "\x14\x03\x03\x00\x01\x01"s, bytes.size() + 6), whole) << "with bytes behind it";
  }
  return whole;
}

TEST(ClientHello, OfRealClients) {
  EXPECT_EQ(read(captured("openssl_tls13")), "'www.example.com' h2 http/1.1 in 339");
  EXPECT_EQ(read(captured("openssl_tls12_no_name")), "'' in 188");
  EXPECT_EQ(read(captured("openssl_tls12_mixed_case")), "'mixed.example' in 210");
  EXPECT_EQ(read(captured("openssl_post_quantum")), "'pq.example.com' h2 http/1.1 in 1609");
}

TEST(ClientHello, OfRealClientsInSeveralRecords) {
  EXPECT_EQ(read(captured("openssl_post_quantum_records")), "'pq.example.com' h2 http/1.1 in 1624");
  const std::string many = read(captured("openssl_records"));
  EXPECT_TRUE(many.starts_with("'records.example' protocol-00 protocol-01 ")) << many;
  EXPECT_TRUE(many.ends_with(" protocol-59 in 1057")) << many;
}

TEST(ClientHello, MayBeCutAnywhereIntoRecords) {
  const std::string whole = message({.extensions = server_name("a.example") + alpn(block(1, "h2"))});
  for (std::size_t bytes = 1; bytes < whole.size(); ++bytes) {
    const std::string stream = in_records(whole, bytes);
    ASSERT_EQ(read(stream), "'a.example' h2 in " + std::to_string(stream.size())) << bytes;
  }
}

TEST(ClientHello, NeedsNoExtensions) {
  const std::string old = "\x01" + block(3, "\x03\x01" + std::string(32, 'r') + block(1, "") + block(2, "\0\x2f"s) + block(1, "\0"s));
  EXPECT_EQ(read(in_records(old)), "'' in 50");
  EXPECT_EQ(read(hello_with("")), "'' in 86");
}

TEST(ClientHello, EndsWhereItEnds) {
  const std::string hello = message({.extensions = server_name("a.example")});
  EXPECT_EQ(read(in_records(hello + "more of the record"), 1000), "'a.example' in " + std::to_string(5 + hello.size()));
}

TEST(ClientHello, SaysWhetherItIsEncrypted) {
  EXPECT_EQ(read(hello_with(server_name("a.example") + extension(0xfe0d, "\0outer"s))), "'a.example' encrypted in 114");
  EXPECT_EQ(read(hello_with(extension(0xfe0d, "\x01"))), "client_hello_extension") << "the inner one is not for the wire";
  EXPECT_EQ(read(hello_with(extension(0xfe0d, ""))), "client_hello_extension");
}

// ---- what is none

TEST(ClientHello, IsToldFromAnythingElseAtTheFirstBytes) {
  EXPECT_EQ(read("G"), "not_tls");
  EXPECT_EQ(read("\x16G"), "not_tls");
  EXPECT_EQ(read("\x15\x03\x01\x00\x02\x01\x00"s), "not_tls") << "an alert";
  EXPECT_EQ(read("\x80\x2e\x01\x03\x01"s), "not_tls") << "SSL 2";
  EXPECT_EQ(read("\x16\x03\x01\x00\x05\x02"s), "not_client_hello") << "a ServerHello";
  EXPECT_EQ(read(""), "needs more");
  const std::string hello = captured("openssl_tls13");
  for (std::size_t bytes = 1; bytes < hello.size(); ++bytes) ASSERT_EQ(read(hello.substr(0, bytes), bytes), "needs more");
}

TEST(ClientHello, HasRecordsOfItsOwnOnly) {
  const std::string hello = message({.extensions = server_name("a.example")});
  const std::string start = in_records(hello.substr(0, 20));
  EXPECT_EQ(read(start + "\x15\x03\x01\x00\x02\x01\x00"s), "tls_record_type");
  EXPECT_EQ(read(start + "\x16\x02"s), "tls_record_type");
  EXPECT_EQ(read(start + "\x16\x03\x01\x00\x00"s), "tls_record_length") << "RFC 8446 5.1: no empty fragments";
  EXPECT_EQ(read("\x16\x03\x01\x40\x01"s), "tls_record_length");
  EXPECT_EQ(read("\x16\x03\x01\x40\x00\x01"s), "needs more");
}

TEST(ClientHello, IsBounded) {
  const auto padded = [](std::size_t bytes) {
    const std::string name = server_name("a.example");
    const std::size_t rest = 5 + message({.extensions = name + extension(21, "")}).size();
    return message({.extensions = name + extension(21, std::string(bytes - rest, '\0'))});
  };
  EXPECT_EQ(read(in_records(padded(client_hello_bytes_max))), "'a.example' in 16384");
  EXPECT_EQ(read(in_records(padded(client_hello_bytes_max + 1))), "client_hello_too_long");
  EXPECT_EQ(read("\x16\x03\x01\x00\x04\x01\x00\xff\xff"s), "client_hello_too_long") << "by its head alone";

  const std::string whole = message({.extensions = extension(21, std::string(2640, '\0'))});
  EXPECT_EQ(read(in_records(whole, 1), 1), "'' in 16350") << "heads of records count";
  const std::string larger = message({.extensions = extension(21, std::string(2650, '\0'))});
  EXPECT_EQ(read(in_records(larger, 1), 1), "client_hello_too_long");
}

TEST(ClientHello, IsWellFormed) {
  EXPECT_EQ(read(in_records(message({.session_id = std::string(33, 's')}))), "client_hello_malformed");
  EXPECT_EQ(read(in_records(message({.cipher_suites = ""}))), "client_hello_malformed");
  EXPECT_EQ(read(in_records(message({.cipher_suites = "\x13\x01\x13"}))), "client_hello_malformed");
  EXPECT_EQ(read(in_records(message({.compression = ""}))), "client_hello_malformed");
  EXPECT_EQ(read(in_records("\x01" + block(3, ""))), "client_hello_malformed");
  EXPECT_EQ(read(in_records("\x01" + block(3, std::string(34, 'r')))), "client_hello_malformed");
  EXPECT_EQ(read(hello_with("\0"s)), "client_hello_malformed") << "half an extension";
  EXPECT_EQ(read(hello_with("\0\0\0\x05name"s)), "client_hello_malformed") << "one that does not fit";
  const std::string hello = message({});
  EXPECT_EQ(read(in_records("\x01" + block(3, hello.substr(4) + "x"))), "client_hello_malformed") << "more behind it";
  EXPECT_EQ(read(in_records("\x01" + block(3, hello.substr(4, hello.size() - 5)))), "client_hello_malformed");
}

// ---- names

std::string name_of_hello(const std::string& name) {
  const std::string found = read(hello_with(server_name(name)));
  return found.substr(0, found.find(" in "));
}

TEST(ClientHello, HasAHostName) {
  EXPECT_EQ(name_of_hello("WWW.Example.COM"), "'www.example.com'");
  EXPECT_EQ(name_of_hello("localhost"), "'localhost'");
  EXPECT_EQ(name_of_hello("xn--bcher-kva.example"), "'xn--bcher-kva.example'");
  EXPECT_EQ(name_of_hello("_acme.1.example2"), "'_acme.1.example2'");
  const std::string label(63, 'a');
  EXPECT_EQ(name_of_hello(label + ".example"), "'" + label + ".example'");
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  EXPECT_EQ(name_of_hello(longest), "'" + longest + "'");

  for (const std::string& name :
       {""s, "."s, "a."s, ".a"s, "a..b"s, "a b"s, "a\0.b"s, "a/b"s, "a:443"s, "b\xc3\xbc" "cher.example"s, "*.example"s,
        "192.0.2.1"s, "::1"s, "[::1]"s, "1"s, label + "a.example", longest + "b"}) {
    EXPECT_EQ(name_of_hello(name), "server_name_invalid") << name;
  }
}

TEST(ClientHello, HasExactlyOneName) {
  const std::string host = "\0"s + block(2, "a.example");
  for (const std::string& content :
       {""s, block(2, ""), block(2, host + host), block(2, "\x01" + block(2, "a.example")), block(2, host) + "x",
        block(2, host + "x"), block(2, "\0\0"s), number(99, 2) + host, block(2, "\0\0\x63"s + "a.example")}) {
    EXPECT_EQ(read(hello_with(extension(0, content))), "client_hello_extension");
  }
}

TEST(ClientHello, HasProtocolsThatAreNotEmpty) {
  EXPECT_EQ(read(hello_with(alpn(block(1, "h2") + block(1, "http/1.1")))), "'' h2 http/1.1 in 104");
  EXPECT_EQ(read(hello_with(alpn(""))), "client_hello_extension");
  EXPECT_EQ(read(hello_with(alpn(block(1, "")))), "client_hello_extension");
  EXPECT_EQ(read(hello_with(alpn("\x03h2"))), "client_hello_extension");
  EXPECT_EQ(read(hello_with(extension(16, block(2, block(1, "h2")) + "x"))), "client_hello_extension");
}

TEST(ClientHello, HasNothingTwice) {
  const std::string name = server_name("a.example");
  EXPECT_EQ(read(hello_with(name + server_name("b.example"))), "client_hello_extension_twice");
  EXPECT_EQ(read(hello_with(alpn(block(1, "h2")) + name + alpn(block(1, "h2")))), "client_hello_extension_twice");
  EXPECT_EQ(read(hello_with(extension(0xfe0d, "\0"s) + extension(0xfe0d, "\0"s))), "client_hello_extension_twice");
  EXPECT_EQ(read(hello_with(extension(21, "") + name + extension(21, ""))).substr(0, 11), "'a.example'")
      << "what we do not read is the server's to judge";
}

}  // namespace
}  // namespace culvert::wire
