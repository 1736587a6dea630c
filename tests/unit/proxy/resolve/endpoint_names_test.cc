// Which hosts of a plan are names that have to be looked up.
#include "proxy/resolve/endpoint_names.h"

#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

TEST(EndpointNamesTest, FindsTheNamesOfAllServices) {
  config::Config config;
  auto& one = config.services["a"].versions["v1"].endpoints;
  auto& two = config.services["b"].versions["v2"].endpoints;
  one = {{"", "model.test", 80}, {"", "10.0.0.1", 80}, {"", "localhost", 80}, {"", "::1", 80}};
  two = {{"", "other.test", 80}, {"", "model.test", 81}, {"", "", 0, "/run/model.sock"}};
  EXPECT_EQ(endpoint_names(config), (std::set<std::string>{"model.test", "other.test"}));
}

}  // namespace
}  // namespace weir::proxy
