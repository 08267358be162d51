// SecureContext: by whose rules a client speaks TLS. Node's tls.createSecureContext() in snake_case.
#pragma once
#include <memory>
#include <string>

struct ssl_ctx_st;

namespace culvert {

// Of tls.createSecureContext() and tls.connect(). Texts are contents of PEM files.
struct SecureContextOptions {
  std::string ca{};                // whose certificates are believed; empty: those that the system believes
  bool reject_unauthorized = true; // else servers need not prove who they are
  std::string cert{};              // shown to servers that ask for one, with those that signed it; empty: none
  std::string key{};               // of cert
  bool only_1_3 = false;           // else TLS 1.2 as well
};

// Made once, then only read: from any thread, by any number of agents.
class SecureContext {
 public:
  // Throws ERR_INVALID_ARG_VALUE where a text is not right.
  explicit SecureContext(const SecureContextOptions& options);
  SecureContext(const SecureContext&) = delete;
  SecureContext& operator=(const SecureContext&) = delete;

  // The same for equal options, and only for these: connections by one of them may serve for the other.
  const std::string& name() const { return name_; }

  // ---- for agents
  ssl_ctx_st& native() const { return *context_; }
  bool rejects_unauthorized() const { return rejects_unauthorized_; }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };

  std::string name_;
  std::unique_ptr<ssl_ctx_st, Free> context_;
  bool rejects_unauthorized_;
};

}  // namespace culvert
