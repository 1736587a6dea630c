#include "proxy/exchange/endpoint_report.h"

namespace weir::proxy {

EndpointReport report_of_answer(int status, bool retry_after) {
  const bool gateway = status == 502 || status == 503 || status == 504;
  if (!gateway) return {.works = true};
  if (status == 503 && retry_after) return {};
  return {.failure = EndpointCount::kGatewayErrors};
}

EndpointReport report_of_failure(const Error& error, bool response_started) {
  if (error.side != Side::kUpstream || error.retry == Retry::kIfReusedConnection) return {};
  if (error.kind == ErrorKind::kConnect) return {.failure = EndpointCount::kConnectFailed};
  if (error.kind != ErrorKind::kTimeout) return {.failure = EndpointCount::kResets};
  if (response_started) return {};
  return {.failure = EndpointCount::kTimeouts};
}

}  // namespace weir::proxy
