#include "base/ocsp.hpp"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "base/x509.hpp"

namespace culvert {

namespace {

using Response = std::unique_ptr<OCSP_RESPONSE, x509::Free<OCSP_RESPONSE_free>>;
using Basic = std::unique_ptr<OCSP_BASICRESP, x509::Free<OCSP_BASICRESP_free>>;
using Id = std::unique_ptr<OCSP_CERTID, x509::Free<OCSP_CERTID_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), FreeStack>;

// What the response says of the certificate, by whichever hash it names it; null: nothing.
OCSP_SINGLERESP* answer_about(OCSP_BASICRESP& response, const X509& certificate, const X509& issuer) {
  for (int i = 0; i < OCSP_resp_count(&response); ++i) {
    OCSP_SINGLERESP* const each = OCSP_resp_get0(&response, i);
    const OCSP_CERTID* const named = OCSP_SINGLERESP_get0_id(each);
    ASN1_OBJECT* algorithm = nullptr;
    OCSP_id_get0_info(nullptr, &algorithm, nullptr, nullptr, const_cast<OCSP_CERTID*>(named));
    const EVP_MD* const hash = EVP_get_digestbyobj(algorithm);
    const Id ours(hash == nullptr ? nullptr : OCSP_cert_to_id(hash, &certificate, &issuer));
    if (ours != nullptr && OCSP_id_cmp(ours.get(), named) == 0) return each;
  }
  return nullptr;
}

// By the issuer, or by somebody whom the issuer lets do that.
bool is_signed_for(OCSP_BASICRESP& response, X509& issuer) {
  const x509::Store trusted(X509_STORE_new());
  const Stack known(sk_X509_new_null());
  if (trusted == nullptr || known == nullptr) return false;
  X509_STORE_add_cert(trusted.get(), &issuer);
  sk_X509_push(known.get(), &issuer);
  return OCSP_basic_verify(&response, known.get(), trusted.get(), OCSP_PARTIAL_CHAIN) == 1;
}

}  // namespace

bool OcspStaple::is_about(const x509_st& presented) const { return x509::der_of(presented) == certificate; }

std::string read_ocsp(const PemPair& pair, OcspStaple& staple) {
  ERR_clear_error();
  const x509::Bio certificates = x509::reader_of(pair.certificate);
  const x509::Certificate own = x509::read_certificate(*certificates);
  const x509::Certificate issuer = x509::read_certificate(*certificates);
  if (own == nullptr || issuer == nullptr) {
    ERR_clear_error();
    return "the certificate of who signed it has to stand behind its own";
  }
  const auto* at = reinterpret_cast<const unsigned char*>(pair.ocsp.data());
  const Response whole(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(pair.ocsp.size())));
  if (whole == nullptr) return ERR_clear_error(), "there is no OCSP response in it (DER)";
  if (const int status = OCSP_response_status(whole.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return std::string("the OCSP server has answered \"") + OCSP_response_status_str(status) + "\"";
  }
  const Basic response(OCSP_response_get1_basic(whole.get()));
  if (response == nullptr) return x509::complaint();
  OCSP_SINGLERESP* const answer = answer_about(*response, *own, *issuer);
  if (answer == nullptr) return "it is about another certificate";
  if (!is_signed_for(*response, *issuer)) return "it is not signed by who signed the certificate: " + x509::complaint();
  ASN1_GENERALIZEDTIME* begins = nullptr;
  ASN1_GENERALIZEDTIME* ends = nullptr;
  const int verdict = OCSP_single_get0_status(answer, nullptr, nullptr, &begins, &ends);
  staple = {.response = pair.ocsp,
            .certificate = x509::der_of(*own),
            .begins = x509::time_of(begins),
            .ends = ends == nullptr ? WallTime::max() : x509::time_of(ends),
            .is_good = verdict == V_OCSP_CERTSTATUS_GOOD};
  return {};
}

}  // namespace culvert
