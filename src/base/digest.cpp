#include "base/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <new>

namespace culvert {

namespace {

constexpr std::size_t group_bytes = 3;  // become
constexpr std::size_t group_chars = 4;  // of base64

unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::size_t padding_of(std::string_view text) {
  if (text.ends_with("==")) return 2;
  return text.ends_with('=') ? 1 : 0;
}

template <class Digest>
Digest digest_of(Bytes bytes, const EVP_MD* algorithm) {
  Digest digest;
  // Fails only where there is no memory for its context.
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, algorithm,
                 nullptr) != 1) {
    throw std::bad_alloc();
  }
  return digest;
}

}  // namespace

std::string encode_base64(Bytes bytes) {
  std::string text((bytes.size() + group_bytes - 1) / group_bytes * group_chars, '\0');
  // EVP_EncodeBlock writes a terminator as well, which is the one that the string has.
  EVP_EncodeBlock(octets(text), reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes(text.size() / group_chars * group_bytes, '\0');
  const int written = EVP_DecodeBlock(octets(bytes), reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()));
  if (written < 0 || static_cast<std::size_t>(written) != bytes.size()) return std::nullopt;
  const std::size_t padding = padding_of(text);
  bytes.resize(bytes.size() - padding);
  // EVP_DecodeBlock looks over blanks, padding in the middle and bits that stand for nothing.
  if (encode_base64(as_bytes(bytes)) != text) return std::nullopt;
  return bytes;
}

bool equal_in_constant_time(Bytes a, Bytes b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

Sha256 hmac_sha256(Bytes key, Bytes bytes) {
  Sha256 digest;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
           reinterpret_cast<unsigned char*>(digest.data()), nullptr) == nullptr) {
    throw std::bad_alloc();  // as above
  }
  return digest;
}

Sha1 sha1(Bytes bytes) { return digest_of<Sha1>(bytes, EVP_sha1()); }

Sha256 sha256(Bytes bytes) { return digest_of<Sha256>(bytes, EVP_sha256()); }

}  // namespace culvert
