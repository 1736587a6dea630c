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
                           "Credentials",
                           "PHPSESSID",
                           "JSESSIONID",
                           "ASP.NET_SessionId",
                           "sid",
                           "connect.sid",
                           "bearer",
                           "X-Bearer",
                           "csrf",
                           "XSRF-TOKEN",
                           "csrfmiddlewaretoken",
                           "ticket",
                           "SAMLResponse",
                           "SAMLRequest",
                           "oauth_verifier",
                           "code_verifier",
                           "X-Auth",
                           "user_pass",
                           "passphrase",
                           "x-passcode",
                           "access-key-id",
                           "privateKey",
                           "AuthKey",
                           "x-xsrf",
                           "client_assertion",
                           "sess",
                           "user.pw",
                           "x-hmac",
                           "otp",
                           "card-pin",
                           "nonce",
                           "%2561pi_key"}) {
    EXPECT_TRUE(names_secret(name, {})) << name;
  }
  for (const char* name :
       {"",          "user-agent", "model",  "page",   "keyword", "monkey",    "q",        "codec",     "referer",
        "%",         "%6",         "%256",   "inside", "aside",   "ticketing", "zip_code", "sort_key",  "author",
        "passenger", "piano",      "signal", "signin", "obsess",  "footpath",  "spin",     "nonce_mode"}) {
    EXPECT_FALSE(names_secret(name, {})) << name;
  }
  EXPECT_TRUE(names_secret("X-Tenant", {"x-tenant"}));
  EXPECT_TRUE(names_secret(std::string(10'000, 'a'), {}) == false);
  EXPECT_TRUE(names_secret("token" + std::string(10'000, 'a'), {}));
}

TEST(NamesSecret, KnowsTheKeysOfServices) {
  for (const char* name : {"Ocp-Apim-Subscription-Key", "x-functions-key", "app_key", "auth_code", "otp-code"}) {
    EXPECT_TRUE(names_secret(name, {})) << name;
  }
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

TEST(Redact, TakesOutWhatStandsInUrlsWithin) {
  struct Case {
    const char* url;
    const char* shown;
  };
  for (const auto& [url, shown] : {
           Case{"/a?redirect_uri=https%3A%2F%2Fx%3Ftoken%3Dabc&b=1",
                "/a?redirect_uri=https%3A%2F%2Fx%3F[redacted]&b=1"},
           Case{"/a?next=%2Flogin%3fq%3d1", "/a?next=%2Flogin%3f[redacted]"},
           Case{"/a?next=/login?token=abc", "/a?next=/login?[redacted]"},
           Case{"/a?n=https%253A%252F%252Fx%253Ftoken%253Dabc", "/a?n=https%253A%252F%252Fx%253F[redacted]"},
           Case{"/a?n=https%3A%2F%2Fx%2Fcb%23access_token%3Dabc", "/a?n=https%3A%2F%2Fx%2Fcb%23[redacted]"},
           Case{"/a?n=https%3A%2F%2Fme%3Apw%40x%2Fy", "/a?n=https%3A%2F%2F[redacted]%40x%2Fy"},
           Case{"/a?n=https://me:pw@x/y?a=b", "/a?n=https://[redacted]@x/y?[redacted]"},
           Case{"/a?n=//me:pw@x/y", "/a?n=//[redacted]@x/y"},
           Case{"/a?n=%2F%2Fme%3Apw%40x", "/a?n=%2F%2F[redacted]%40x"},
           Case{"/a?n=a//me@x", "/a?n=a//me@x"},
           // Nothing that is hidden: no parameters, or no URL.
           Case{"/a?q=what%3F", "/a?q=what%3F"},
           Case{"/a?q=what%3Fwho", "/a?q=what%3Fwho"},
           Case{"/a?mail=me%40x.test&x=a%3Db", "/a?mail=me%40x.test&x=a%3Db"},
           Case{"/a?n=https%3A%2F%2Fx%2Fme%40y", "/a?n=https%3A%2F%2Fx%2Fme%40y"},
           Case{"/a?q=%&r=%2&s=%25&t=%%3", "/a?q=%&r=%2&s=%25&t=%%3"},
           // Of the URL itself.
           Case{"https://me:pw@x/y?a=b", "https://[redacted]@x/y?a=b"},
           Case{"https://me:p%2Fw%3F%3D%40@x/y", "https://[redacted]@x/y"},
           Case{"https://me@x:pw@y", "https://[redacted]@y"},
           Case{"https://a%3A%2F%2Fb%3Fc%3Dd:pw@x/y", "https://[redacted]@x/y"},
           Case{"https://https%3A%2F%2Fme%3Apw%40x/y", "https://[redacted]%40x/y"},
           Case{"https://x/y@z", "https://x/y@z"},
           Case{"agent/1 (+http://x.test; me@x.test)", "agent/1 (+http://x.test; me@x.test)"},
           Case{"https://x/cb#access_token=abc", "https://x/cb#[redacted]"},
       }) {
    EXPECT_EQ(redacted(url), shown);
  }
}

TEST(Redact, TakesOutWhatAPathSaysOfItself) {
  struct Case {
    const char* path;
    const char* shown;
  };
  for (const auto& [path, shown] : {
           Case{"/a/b", "/a/b"},
           Case{"/a;token=s3cret/b", "/a;token=[redacted]/b"},
           Case{"/a;v=1;jsessionid=s3cret;w=2/b;sid=x", "/a;v=1;jsessionid=[redacted];w=2/b;sid=[redacted]"},
           Case{"/a;api%5Fkey=x", "/a;api%5Fkey=[redacted]"},
           Case{"/a;;token;token=/token=x", "/a;;token;token=/token=x"},
           Case{"/https://me:p;w@x/y;user=z", "/https://[redacted]@x/y;user=z"},
           Case{"/fetch/https%3A%2F%2Fme%3Apw%40x%2Fy", "/fetch/https%3A%2F%2F[redacted]%40x%2Fy"},
       }) {
    std::string out;
    append_redacted_path(path, {}, out);
    EXPECT_EQ(out, shown);
    EXPECT_EQ(redacted(path + std::string("?q=1")), shown + std::string("?q=1"));
  }
}

}  // namespace
}  // namespace weir::proxy
