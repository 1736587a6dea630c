#include "proxy/observe/redact.h"

#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

TEST(NamesSecret, IsTrueOfWhatLooksSo) {
  for (const char* name : {"Authorization",
                           "Proxy-Authorization",
                           "COOKIE",
                           "Set-Cookie",
                           "X-API-Key",
                           "api_key",
                           "apikey",
                           "access_token",
                           "id-token",
                           "client_secret",
                           "password",
                           "passwd",
                           "pwd",
                           "sig",
                           "X-Amz-Signature",
                           "X-Amz-Security-Token",
                           "sessionid",
                           "key",
                           "code",
                           "%61pi_ke%79",
                           "x-csrf-token",
                           "jwt",
                           "Credentials"}) {
    EXPECT_TRUE(names_secret(name, {})) << name;
  }
  for (const char* name :
       {"", "user-agent", "model", "page", "keyword", "monkey", "q", "codec", "referer", "%", "%6"}) {
    EXPECT_FALSE(names_secret(name, {})) << name;
  }
  EXPECT_TRUE(names_secret("X-Tenant", {"x-tenant"}));
  EXPECT_TRUE(names_secret(std::string(10'000, 'a'), {}) == false);
  EXPECT_TRUE(names_secret("token" + std::string(10'000, 'a'), {}));
}

std::string redacted(std::string_view url, const std::vector<std::string>& more = {}) {
  std::string out;
  append_redacted_url(url, more, out);
  return out;
}

TEST(Redact, TakesOutTheValuesOfSecrets) {
  EXPECT_EQ(redacted("/a"), "/a");
  EXPECT_EQ(redacted("/a?"), "/a?");
  EXPECT_EQ(redacted("/a?q=1&b"), "/a?q=1&b");
  EXPECT_EQ(redacted("/a?token=s3cret"), "/a?token=[redacted]");
  EXPECT_EQ(redacted("/a?q=1&api_key=s3cret&b=2"), "/a?q=1&api_key=[redacted]&b=2");
  EXPECT_EQ(redacted("/a?q=1;api_key=s3cret;b=2"), "/a?q=1;api_key=[redacted];b=2");
  EXPECT_EQ(redacted("/a?token=s3=cret?&&token="), "/a?token=[redacted]&&token=");
  EXPECT_EQ(redacted("https://h/p?%74oken=x&user=me", {"user"}), "https://h/p?%74oken=[redacted]&user=[redacted]");
  EXPECT_EQ(redacted("?&=&"), "?&=&");
}

}  // namespace
}  // namespace weir::proxy
