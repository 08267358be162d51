// One server that is spoken to by TLS: by whose rules, under which name it has to prove who it is, and the last session
// with it, which the next connection resumes. One thread; its connections hold it.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/ref.hpp"
#include "culvert/secure_context.hpp"
#include "net/tls_context.hpp"

struct ssl_session_st;

namespace culvert::net {

class TlsDestination final : public RefCounted {
 public:
  // `server_name`: a host's name, or an address.
  TlsDestination(std::shared_ptr<const SecureContext> context, std::string server_name);

  // The client's end of a new connection, which offers the protocol `alpn`; empty: the extension is not sent.
  SslSession connect(std::string_view alpn);

  // Sets what connect()'s sessions need of the context that they are made of.
  static void prepare(ssl_ctx_st& context);

 private:
  struct FreeResumable {
    void operator()(ssl_session_st* session) const;
  };

  static int keep(ssl_st* session, ssl_session_st* resumable);
  void resume(ssl_st& session);

  const std::shared_ptr<const SecureContext> context_;
  const std::string server_name_;
  std::unique_ptr<ssl_session_st, FreeResumable> resumable_;  // null where there is none
};

}  // namespace culvert::net
