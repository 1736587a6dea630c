// Pure function, and a plain value. The word of a certificate's authority that it has not been withdrawn (RFC 6960),
// for a server to send along (RFC 6066 8).
#pragma once

#include <string>

#include "proxy/net/validity.h"

struct stack_st_X509;
struct x509_st;

namespace weir::proxy {

struct OcspResponse {
  std::string der = {};  // empty: it cannot be used
  Validity validity = {};
  std::string remark = {};  // why it cannot; or what people should know of it
};

// The response for `certificate`. Its signature is verified when the issuer is in `chain`, as far as from there: what
// that one signed itself, or a responder that it delegated. Who else has signed is for clients to judge. Its time is
// for the reader to judge.
OcspResponse read_ocsp_response(const std::string& der, x509_st* certificate, stack_st_X509* chain);

}  // namespace weir::proxy
