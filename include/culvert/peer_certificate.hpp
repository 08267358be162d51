// The certificate by which the peer of a stream has proved who it is; what TLS has checked it against is for who
// listens to say. Immutable: counted, so that it outlives the stream where somebody still has to tell of it.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace culvert {

// What it says.
struct PeerCertificate {
  std::string subject;      // "CN=alice,OU=Billing,O=Example" (RFC 2253); empty where it has none
  std::string common_name;  // of the subject; empty where it has none
  std::string name;         // its first alternative name that is a DNS name (in lower case), a URI or an e-mail address
  std::string fingerprint;  // SHA-256 of `der`, as 64 capital hex digits
  std::vector<std::byte> der;                 // the certificate itself
  std::vector<std::vector<std::byte>> chain;  // those that signed it, each by the next, without the root
};

}  // namespace culvert
