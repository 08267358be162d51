// What all servers and agents of one thread share: memory that is lent while a request is under way.
#pragma once
#include "base/slab.hpp"
#include "culvert/http.hpp"
#include "http/client_transaction.hpp"
#include "http/server_transaction.hpp"
#include "net/tls_transport.hpp"
#include "wire/h1_writer.hpp"

namespace culvert {

struct Http::Shared {
  Slab<ServerTransaction> server_transactions;
  Slab<ClientTransaction> client_transactions;
  wire::HeadBuffer head;  // where heads are composed

  // What TLS works with, from the first stream on that needs it.
  Ref<net::TlsBuffers> tls() {
    if (!tls_buffers) tls_buffers = make_ref<net::TlsBuffers>();
    return tls_buffers;
  }
  Ref<net::TlsBuffers> tls_buffers;
};

}  // namespace culvert
