// What an attempt shows of its endpoint.
#include "proxy/exchange/endpoint_report.h"

#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

Error upstream(ErrorKind kind, Retry retry = Retry::kNever) { return {kind, Side::kUpstream, retry, "x"}; }

TEST(EndpointReport, AGatewaysStatusIsAFailure) {
  for (const int status : {502, 503, 504}) {
    const EndpointReport report = report_of_answer(status, false);
    EXPECT_FALSE(report.works);
    EXPECT_EQ(report.failure, EndpointCount::kGatewayErrors) << status;
  }
  for (const int status : {200, 404, 429, 500, 501}) {
    EXPECT_TRUE(report_of_answer(status, true).works);
    EXPECT_FALSE(report_of_answer(status, false).failure) << status;
  }
}

TEST(EndpointReport, WhoSaysWhenToComeBackIsBusy) {
  EXPECT_FALSE(report_of_answer(503, true).works);
  EXPECT_FALSE(report_of_answer(503, true).failure);
  EXPECT_TRUE(report_of_answer(502, true).failure);
}

TEST(EndpointReport, BrokenConnectionsAndLateHeadsAreFailures) {
  EXPECT_EQ(report_of_failure(upstream(ErrorKind::kReset), true).failure, EndpointCount::kResets);
  EXPECT_EQ(report_of_failure(upstream(ErrorKind::kProtocol), false).failure, EndpointCount::kResets);
  EXPECT_EQ(report_of_failure(upstream(ErrorKind::kTimeout), false).failure, EndpointCount::kTimeouts);
}

TEST(EndpointReport, OthersFaultsShowNothing) {
  const Error client{ErrorKind::kReset, Side::kDownstream, Retry::kNever, "x"};
  for (const Error& error : {client, upstream(ErrorKind::kEof, Retry::kIfReusedConnection)}) {
    EXPECT_FALSE(report_of_failure(error, false).failure);
    EXPECT_FALSE(report_of_failure(error, false).works);
  }
  EXPECT_FALSE(report_of_failure(upstream(ErrorKind::kTimeout), true).failure);
}

}  // namespace
}  // namespace weir::proxy
