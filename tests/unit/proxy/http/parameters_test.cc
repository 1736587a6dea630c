// What a request says in its query and in its cookies.
#include <gtest/gtest.h>

#include <array>

#include "proxy/http/cookie.h"
#include "proxy/http/query.h"

namespace weir::http {
namespace {

std::string query_value(std::string_view query, std::string_view name) {
  std::array<char, 64> space;
  const auto value = find_query_parameter(query, name, space);
  return value ? std::string(*value) : "none";
}

TEST(Query, FindsTheFirstParameterOfAName) {
  EXPECT_EQ(query_value("a=1&b=2&a=3", "a"), "1");
  EXPECT_EQ(query_value("a=1&b=2", "b"), "2");
  EXPECT_EQ(query_value("ab=1&a", "a"), "");
  EXPECT_EQ(query_value("a=", "a"), "");
  EXPECT_EQ(query_value("a=b=c", "a"), "b=c");
  EXPECT_EQ(query_value("&&a=1&", "a"), "1");
  EXPECT_EQ(query_value("", "a"), "none");
  EXPECT_EQ(query_value("A=1", "a"), "none");
  EXPECT_EQ(query_value("aa=1", "a"), "none");
}

TEST(Query, ComparesWhatEscapesStandFor) {
  EXPECT_EQ(query_value("%75ser=al%69ce", "user"), "alice");
  EXPECT_EQ(query_value("a=%26%3D%00x", "a"), std::string("&=\0x", 4));
  EXPECT_EQ(query_value("a=1+2", "a"), "1+2");
  EXPECT_EQ(query_value("a=%zz%4", "a"), "%zz%4");
  EXPECT_EQ(query_value("%61%", "a%"), "");
}

std::string cookie_value(const FieldList& fields, std::string_view name) {
  const auto value = find_cookie(fields, name);
  return value ? std::string(*value) : "none";
}

TEST(Cookie, FindsTheFirstOfANameInAllFields) {
  FieldList fields;
  fields.add("cookie", "a=1;b=2 ;  c=\"3\"");
  fields.add("Cookie", "b=4; d=; e");
  EXPECT_EQ(cookie_value(fields, "a"), "1");
  EXPECT_EQ(cookie_value(fields, "b"), "2");
  EXPECT_EQ(cookie_value(fields, "c"), "\"3\"");
  EXPECT_EQ(cookie_value(fields, "d"), "");
  EXPECT_EQ(cookie_value(fields, "e"), "none");
  EXPECT_EQ(cookie_value(fields, "A"), "none");
  EXPECT_EQ(find_cookie(fields, "b", [](std::string_view value) { return value == "4"; }), "4");
}

}  // namespace
}  // namespace weir::http
