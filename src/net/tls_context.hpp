// What a TLS server presents and accepts: the certificates and rules of one [tls.NAME]. Made once, then only read: all
// workers share it, and a connection holds it until hands are shaken.
#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/certificate.hpp"
#include "base/client_auth.hpp"
#include "base/ocsp.hpp"
#include "net/ticket_keys.hpp"

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace culvert::net {

struct TlsServerSettings {
  std::vector<PemPair> certificates;  // in order. The first also for clients that name no server, or one that is not here
  bool only_1_3 = false;              // else 1.2 as well
  std::vector<std::string> alpn;      // that are offered, the best first; empty: the extension is not answered
  bool refuses_unknown_names = false; // else they get the first certificate
  std::optional<ClientAuth> client_auth{};  // none: clients are not asked for a certificate
  std::chrono::milliseconds handshake_timeout{10'000};  // for whoever waits for it; 0: none
  bool operator==(const TlsServerSettings&) const = default;
};

struct FreeSsl {
  void operator()(ssl_st* session) const;
};
using SslSession = std::unique_ptr<ssl_st, FreeSsl>;

class TlsServerContext {
 public:
  // Of certificates that read_pair() found right.
  explicit TlsServerContext(TlsServerSettings settings);
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  const TlsServerSettings& settings() const { return settings_; }
  // The server's end of a new connection, for whose handshake this has to live. From any thread.
  SslSession accept() const;

 private:
  // Certificates for the same names, with keys of different types.
  struct Identity {
    std::vector<std::string> names;
    SslContext context;
    std::vector<OcspStaple> staples;
  };

  void add(const PemPair& pair);
  static void use(Identity& identity, const PemPair& pair);
  const Identity* find(std::string_view server_name) const;
  SslContext make_context();
  void ask_for_certificates(ssl_ctx_st& context) const;
  static int choose_certificate(ssl_st* session, int* alert, void* context);
  static int choose_protocol(ssl_st* session, const unsigned char** chosen, unsigned char* chosen_size,
                             const unsigned char* offered, unsigned int offered_size, void* context);
  static int staple(ssl_st* session, void* identity);
  static int use_ticket_key(ssl_st* session, unsigned char* name, unsigned char* iv, evp_cipher_ctx_st* cipher,
                            evp_mac_ctx_st* mac, int seals);
  static int judge_ticket(ssl_st*, ssl_session_st* resumed, const unsigned char*, std::size_t, int status, void*);

  const TlsServerSettings settings_;
  TicketKeys ticket_keys_;
  std::string alpn_;  // as the extension has them
  std::vector<std::unique_ptr<Identity>> identities_;
  std::map<std::string, const Identity*, std::less<>> by_name_;  // "*.example.com" as it is written
};

}  // namespace culvert::net
