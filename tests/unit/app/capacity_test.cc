#include "app/capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::app {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

config::Config with_listeners(std::initializer_list<std::uint32_t> connections) {
  config::Config config;
  for (const std::uint32_t count : connections) {
    config::Listener listener;
    listener.address = "127.0.0.1:" + std::to_string(8080 + config.listeners.size());
    listener.limits.connections = count;
    config.listeners.push_back(listener);
  }
  return config;
}

// Many versions: the descriptors of endpoints are as many as those of clients.
config::Config with_listeners_and_versions(std::initializer_list<std::uint32_t> connections) {
  config::Config config = with_listeners(connections);
  for (int i = 0; i < 100; ++i) config.services["chat"].versions["v" + std::to_string(i)] = {};
  return config;
}

TEST(FitConnections, LeavesAloneWhatFits) {
  config::Config config = with_listeners_and_versions({1'000, 2'000});
  EXPECT_THAT(fit_connections(config, 6'256), IsEmpty());
  EXPECT_EQ(*config.listeners[1].limits.connections, 2'000U);
}

TEST(FitConnections, LowersTheLargestFirstAndSaysSo) {
  config::Config config = with_listeners_and_versions({20'000, 3, 1'000, 200});
  const std::vector<std::string> lines = fit_connections(config, 256 + 2 * 1'203);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr("127.0.0.1:8080: 500 connections instead of 20000"));
  EXPECT_THAT(lines[1], HasSubstr("127.0.0.1:8082: 500 connections instead of 1000"));
  EXPECT_EQ(*config.listeners[0].limits.connections, 500U);
  EXPECT_EQ(*config.listeners[1].limits.connections, 3U);
  EXPECT_EQ(*config.listeners[2].limits.connections, 500U);
  EXPECT_EQ(*config.listeners[3].limits.connections, 200U);
}

TEST(FitConnections, CountsThePresetWhereThePlanIsSilent) {
  config::Config config = with_listeners_and_versions({1});
  config.listeners[0].limits.connections.reset();
  EXPECT_THAT(fit_connections(config, 40'256), IsEmpty());
  EXPECT_THAT(fit_connections(config, 40'254), SizeIs(1));
}

TEST(FitConnections, KeepsNoMoreForEndpointsThanTheyMayTake) {
  config::Config config = with_listeners({10'000});
  config.services["chat"].versions = {{"v1", {}}, {"v2", {}}};
  EXPECT_THAT(fit_connections(config, 256 + 2'048 + 10'000), IsEmpty());
  EXPECT_THAT(fit_connections(config, 256 + 2'048 + 9'999), SizeIs(1));
}

TEST(FitConnections, CountsTheEndpointsOfAVersionByItsOwnLimit) {
  config::Config config = with_listeners({10'000});
  config.services["chat"].versions["v1"].limits.upstream_connections = 10;
  EXPECT_THAT(fit_connections(config, 256 + 10 + 10'000), IsEmpty());
  EXPECT_THAT(fit_connections(config, 256 + 10 + 9'999), SizeIs(1));
}

TEST(FitConnections, LeavesOneWhateverHappens) {
  config::Config config = with_listeners_and_versions({5});
  fit_connections(config, 3);
  EXPECT_EQ(*config.listeners[0].limits.connections, 1U);
}

TEST(FitMemory, TakesHalfUnlessThePlanSaysMore) {
  config::Config config = with_listeners({1});
  fit_memory(config, 3'000'000'000);
  EXPECT_EQ(config.limits.memory, 1'500'000'000U);
  fit_memory(config, 2'000'000'000);
  EXPECT_EQ(config.limits.memory, 1'500'000'000U);
  EXPECT_GT(available_memory(), 100'000'000U);
}

}  // namespace
}  // namespace weir::app
