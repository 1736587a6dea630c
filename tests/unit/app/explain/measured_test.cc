#include "app/explain/measured.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

json::Value document(const char* text) { return json::parse(text).value; }

TEST(MeasuredTraffic, IsReadBackAsItWasMeasured) {
  const MeasuredTraffic found = measured_traffic(document(R"({"services":[{"name":"chat","rate":50,"versions":[
      {"name":"v0","rate":1},
      {"name":"v1","rate":49,"rates":{"errorRate":{"n":10000,"x":20},"capacityRate":{"n":10000,"x":0}},
       "latency":{"n":300,"buckets":[[992,200],[1984,100]]}}]}]})"),
                                                 "chat", "v1");
  EXPECT_EQ(found.lacks, "");
  EXPECT_EQ(found.traffic.rps, 50);
  EXPECT_TRUE(found.errors && found.latency);
  EXPECT_NEAR(found.traffic.rates[0], 0.002, 1e-4);
  EXPECT_LT(found.traffic.rates[1], 1e-4);
  EXPECT_GT(found.traffic.rates[1], 0);
  EXPECT_EQ(found.traffic.latency_total, 300);
  EXPECT_EQ(found.traffic.latency_history, 300);
  EXPECT_EQ(found.traffic.latency[histogram_index(1984)], 100);
}

TEST(MeasuredTraffic, OfTooFewRequestsIsNotBelieved) {
  const MeasuredTraffic found = measured_traffic(document(R"({"services":[{"name":"chat","rate":2,"versions":[
      {"name":"v1","rate":2,"rates":{"errorRate":{"n":90,"x":20}},"latency":{"n":90,"buckets":[[992,90]]}}]}]})"),
                                                 "chat", "v1");
  EXPECT_EQ(found.lacks, "");
  EXPECT_FALSE(found.errors);
  EXPECT_FALSE(found.latency);
  EXPECT_EQ(found.traffic.latency_history, 90);
}

TEST(MeasuredTraffic, SaysWhatItLacks) {
  EXPECT_NE(measured_traffic({}, "chat", "v1").lacks, "");
  EXPECT_NE(measured_traffic(document(R"({"services":[{"name":"chat","rate":0}]})"), "chat", "v1").lacks, "");
}

TEST(MeasuredTraffic, OfAnotherProgramHarmsNobody) {
  const MeasuredTraffic found = measured_traffic(document(R"({"services":[{"name":"chat","rate":1e300},
      {"name":"x","rate":5,"versions":[{"name":"v1","rates":{"errorRate":{"n":5000,"x":-3}},
       "latency":{"buckets":[[1e99,1e99],[-5,10],"no",[1],[1e14,7]]}}]}]})"),
                                                 "x", "v1");
  EXPECT_EQ(found.traffic.rps, 5);
  EXPECT_GT(found.traffic.rates[0], 0);
  EXPECT_EQ(found.traffic.latency[kHistogramBuckets - 1], 7);
  EXPECT_EQ(found.traffic.latency[0], 10);
}

}  // namespace
}  // namespace weir::app
