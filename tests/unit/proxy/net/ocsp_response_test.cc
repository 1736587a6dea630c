// Responses made on the spot: who signs them, for which certificate, and when.
#include "proxy/net/ocsp_response.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <string>

namespace weir::proxy {
namespace {

constexpr long kHour = 3600;

// A key with a certificate; `issuer` null: signed by itself.
struct Identity {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();

  Identity(const char* name, long serial, const Identity* issuer, const char* usage = nullptr) {
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -kHour);
    X509_gmtime_adj(X509_getm_notAfter(certificate), kHour);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer == nullptr ? certificate : issuer->certificate));
    X509_set_pubkey(certificate, key);
    add(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (usage != nullptr) add(NID_ext_key_usage, usage);
    X509_sign(certificate, issuer == nullptr ? key : issuer->key, EVP_sha256());
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

 private:
  void add(int nid, const char* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
};

struct Said {
  int status = V_OCSP_CERTSTATUS_GOOD;
  long from_s = -kHour;  // from now
  long until_s = kHour;  // 0: no word of it
  int outcome = OCSP_RESPONSE_STATUS_SUCCESSFUL;
};

std::string response(const Identity& certificate, const Identity& issuer, const Identity& signer, Said said = {}) {
  OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
  OCSP_CERTID* const id = OCSP_cert_to_id(EVP_sha1(), certificate.certificate, issuer.certificate);
  ASN1_TIME* const from = X509_gmtime_adj(nullptr, said.from_s);
  ASN1_TIME* const until = said.until_s == 0 ? nullptr : X509_gmtime_adj(nullptr, said.until_s);
  OCSP_basic_add1_status(basic, id, said.status, 0, said.status == V_OCSP_CERTSTATUS_REVOKED ? from : nullptr, from,
                         until);
  OCSP_basic_sign(basic, signer.certificate, signer.key, EVP_sha256(), nullptr, 0);
  OCSP_RESPONSE* const whole = OCSP_response_create(said.outcome, basic);
  unsigned char* bytes = nullptr;
  const int size = i2d_OCSP_RESPONSE(whole, &bytes);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  OCSP_RESPONSE_free(whole);
  ASN1_TIME_free(until);
  ASN1_TIME_free(from);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  return der;
}

class OcspResponseTest : public testing::Test {
 protected:
  OcspResponseTest() { sk_X509_push(chain_, authority_.certificate); }
  ~OcspResponseTest() override { sk_X509_free(chain_); }
  std::string remark(const std::string& der) {
    const OcspResponse read = read_ocsp_response(der, leaf_.certificate, chain_);
    EXPECT_TRUE(read.der.empty()) << read.remark;
    return read.remark;
  }
  OcspResponse usable(const std::string& der) {
    OcspResponse read = read_ocsp_response(der, leaf_.certificate, chain_);
    EXPECT_EQ(read.der, der) << read.remark;
    return read;
  }

  Identity authority_{"authority", 1, nullptr};
  Identity stranger_{"authority", 1, nullptr};
  Identity leaf_{"leaf", 2, &authority_};
  STACK_OF(X509) * chain_ = sk_X509_new_null();
};

TEST_F(OcspResponseTest, IsOfTheIssuerItself) {
  const OcspResponse read = usable(response(leaf_, authority_, authority_));
  EXPECT_EQ(read.remark, "");
  const std::int64_t now_s = std::time(nullptr);
  EXPECT_TRUE(read.validity.holds(now_s));
  EXPECT_FALSE(read.validity.holds(now_s + kHour + 60));
  EXPECT_FALSE(read.validity.holds(now_s - 2 * kHour));
}

TEST_F(OcspResponseTest, MayBeOfOneWhomTheIssuerHasMadeItsResponder) {
  const Identity responder("responder", 3, &authority_, "OCSPSigning");
  usable(response(leaf_, authority_, responder));
  const Identity other("other", 4, &authority_, "serverAuth");
  EXPECT_EQ(remark(response(leaf_, authority_, other)),
            "its response is not signed by the certificate's issuer, nor in its name");
}

TEST_F(OcspResponseTest, IsOfNobodyElse) {
  EXPECT_EQ(remark(response(leaf_, authority_, stranger_)),
            "its response is not signed by the certificate's issuer, nor in its name");
  // An issuer of that name, with another key.
  EXPECT_EQ(remark(response(leaf_, stranger_, stranger_)), "its response is for another certificate");
}

TEST_F(OcspResponseTest, IsForTheCertificate) {
  const Identity other("leaf", 5, &authority_);
  EXPECT_EQ(remark(response(other, authority_, authority_)), "its response is for another certificate");
}

TEST_F(OcspResponseTest, IsComparedWithoutAnIssuerByWhatTheCertificateSays) {
  sk_X509_pop(chain_);
  usable(response(leaf_, authority_, authority_));
  usable(response(leaf_, authority_, stranger_));  // who signed it is for clients to judge
  const Identity other("leaf", 5, &authority_);
  const Identity elsewhere("elsewhere", 1, nullptr);
  const Identity namesake("leaf", 2, &elsewhere);
  EXPECT_EQ(remark(response(other, authority_, authority_)), "its response is for another certificate");
  EXPECT_EQ(remark(response(namesake, elsewhere, elsewhere)), "its response is for another certificate");
}

TEST_F(OcspResponseTest, TellsWhatTheStatusIs) {
  EXPECT_EQ(usable(response(leaf_, authority_, authority_, {.status = V_OCSP_CERTSTATUS_REVOKED})).remark,
            "its response says that the certificate is revoked");
  EXPECT_EQ(remark(response(leaf_, authority_, authority_, {.status = V_OCSP_CERTSTATUS_UNKNOWN})),
            "its response says that the certificate is not known");
}

TEST_F(OcspResponseTest, LeavesItsTimeToTheReader) {
  const std::int64_t now_s = std::time(nullptr);
  EXPECT_FALSE(
      usable(response(leaf_, authority_, authority_, {.from_s = -2 * kHour, .until_s = -kHour})).validity.holds(now_s));
  EXPECT_FALSE(
      usable(response(leaf_, authority_, authority_, {.from_s = kHour, .until_s = 2 * kHour})).validity.holds(now_s));
  // Without a word of it there is always a newer one.
  EXPECT_EQ(usable(response(leaf_, authority_, authority_, {.until_s = 0})).validity.until_s, Validity::kEver);
}

TEST_F(OcspResponseTest, HasToBeOne) {
  constexpr const char* kNone = "it holds no successful OCSP response in DER";
  EXPECT_EQ(remark(""), kNone);
  EXPECT_EQ(remark("text"), kNone);
  EXPECT_EQ(remark(response(leaf_, authority_, authority_, {.outcome = OCSP_RESPONSE_STATUS_TRYLATER})), kNone);
  std::string cut = response(leaf_, authority_, authority_);
  cut.pop_back();
  EXPECT_EQ(remark(cut), kNone);
}

}  // namespace
}  // namespace weir::proxy
