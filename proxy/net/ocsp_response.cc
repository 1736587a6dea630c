#include "proxy/net/ocsp_response.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <utility>

#include "proxy/net/x509_time.h"

namespace weir::proxy {
namespace {

// A responder's clock and ours are not the same.
constexpr std::int64_t kClockSkew_s = 300;

template <class T, void (*kFree)(T*)>
struct Free {
  void operator()(T* object) const { kFree(object); }
};
using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, Free<OCSP_RESPONSE, OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Free<OCSP_BASICRESP, OCSP_BASICRESP_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE, X509_STORE_free>>;

OcspResponse unusable(std::string why) { return {.der = {}, .validity = {}, .remark = std::move(why)}; }

// Null: it is not in the chain.
X509* issuer_of(X509* certificate, STACK_OF(X509) * chain) {
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* const candidate = sk_X509_value(chain, i);
    if (X509_check_issued(candidate, certificate) == X509_V_OK) return candidate;
  }
  return X509_check_issued(certificate, certificate) == X509_V_OK ? certificate : nullptr;
}

struct Digest {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  bool is(const ASN1_OCTET_STRING* other) const {
    return ASN1_STRING_length(other) == static_cast<int>(size) &&
           std::equal(bytes.begin(), bytes.begin() + size, ASN1_STRING_get0_data(other));
  }
};

// RFC 6960 4.1.1: hashes of the issuer's name and key, and the serial number. Without the issuer its name alone.
bool is_for(const OCSP_SINGLERESP* single, const X509* certificate, const X509* issuer) {
  ASN1_OCTET_STRING* name = nullptr;
  ASN1_OBJECT* algorithm = nullptr;
  ASN1_OCTET_STRING* key = nullptr;
  ASN1_INTEGER* serial = nullptr;
  auto* const id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single));
  if (OCSP_id_get0_info(&name, &algorithm, &key, &serial, id) != 1) return false;
  if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) != 0) return false;
  const EVP_MD* const hash = EVP_get_digestbyobj(algorithm);
  Digest digest;
  if (hash == nullptr ||
      X509_NAME_digest(X509_get_issuer_name(certificate), hash, digest.bytes.data(), &digest.size) != 1) {
    return false;
  }
  if (!digest.is(name) || issuer == nullptr) return digest.is(name);
  return X509_pubkey_digest(issuer, hash, digest.bytes.data(), &digest.size) == 1 && digest.is(key);
}

OCSP_SINGLERESP* find_single(OCSP_BASICRESP* basic, const X509* certificate, const X509* issuer) {
  for (int i = 0; i < OCSP_resp_count(basic); ++i) {
    OCSP_SINGLERESP* const single = OCSP_resp_get0(basic, i);
    if (is_for(single, certificate, issuer)) return single;
  }
  return nullptr;
}

// That a responder's own certificate has expired is no reason: clients see the response's time, and so do we.
bool is_signed(OCSP_BASICRESP* basic, X509* issuer, STACK_OF(X509) * chain) {
  const StorePtr store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), issuer);
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  // The issuer may have signed it itself, without its certificate in the response.
  STACK_OF(X509)* const signers = chain == nullptr ? sk_X509_new_null() : sk_X509_dup(chain);
  sk_X509_push(signers, issuer);
  const bool valid = OCSP_basic_verify(basic, signers, store.get(), 0) == 1;
  sk_X509_free(signers);
  return valid;
}

OcspResponse read(const std::string& der, X509* certificate, STACK_OF(X509) * chain) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const ResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  const bool good = response != nullptr && OCSP_response_status(response.get()) == OCSP_RESPONSE_STATUS_SUCCESSFUL;
  const BasicPtr basic(good ? OCSP_response_get1_basic(response.get()) : nullptr);
  if (basic == nullptr) return unusable("it holds no successful OCSP response in DER");
  X509* const issuer = issuer_of(certificate, chain);
  OCSP_SINGLERESP* const single = find_single(basic.get(), certificate, issuer);
  if (single == nullptr) return unusable("its response is for another certificate");
  if (issuer != nullptr && !is_signed(basic.get(), issuer, chain))
    return unusable("its response is not signed by the certificate's issuer, nor in its name");
  ASN1_GENERALIZEDTIME* revoked = nullptr;
  ASN1_GENERALIZEDTIME* from = nullptr;
  ASN1_GENERALIZEDTIME* until = nullptr;
  int reason = 0;
  const int status = OCSP_single_get0_status(single, &reason, &revoked, &from, &until);
  if (status == V_OCSP_CERTSTATUS_UNKNOWN) return unusable("its response says that the certificate is not known");
  OcspResponse read{.der = der,
                    .validity = {.from_s = unix_s(from) - kClockSkew_s,
                                 .until_s = until == nullptr ? Validity::kEver : unix_s(until)},
                    .remark = {}};
  if (status == V_OCSP_CERTSTATUS_REVOKED) read.remark = "its response says that the certificate is revoked";
  return read;
}

}  // namespace

OcspResponse read_ocsp_response(const std::string& der, x509_st* certificate, stack_st_X509* chain) {
  OcspResponse result = read(der, certificate, chain);
  ERR_clear_error();
  return result;
}

}  // namespace weir::proxy
