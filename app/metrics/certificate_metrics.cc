#include "app/metrics/certificate_metrics.h"

#include <limits>
#include <utility>

namespace weir::app {
namespace {

using prometheus::MetricFamily;

void add(const CertificateSample& sample, double value, MetricFamily& family) {
  prometheus::ClientMetric metric;
  for (const auto& [name, label] : sample.owner) metric.label.push_back({name, label});
  metric.label.push_back({"file", sample.file});
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

}  // namespace

std::vector<MetricFamily> certificate_families(const std::vector<CertificateSample>& samples) {
  using prometheus::MetricType;
  MetricFamily expiry{"weir_certificate_expiry_timestamp_seconds",
                      "When the first certificate of the chain in a file expires, or of authorities the last one.",
                      MetricType::Gauge,
                      {}};
  MetricFamily response_expiry{"weir_ocsp_response_expiry_timestamp_seconds",
                               "When an OCSP response expires, which is stapled until then.",
                               MetricType::Gauge,
                               {}};
  MetricFamily stapled{"weir_ocsp_response_stapled",
                       "1 while the OCSP response in a file is given to clients that ask; 0: it has expired, or is "
                       "not for the certificate.",
                       MetricType::Gauge,
                       {}};
  for (const CertificateSample& sample : samples) {
    const bool ends = sample.until_s != 0 && sample.until_s != std::numeric_limits<std::int64_t>::max();
    if (ends) add(sample, static_cast<double>(sample.until_s), sample.ocsp ? response_expiry : expiry);
    if (sample.ocsp) add(sample, sample.holds ? 1 : 0, stapled);
  }
  std::vector<MetricFamily> families;
  for (MetricFamily* const family : {&expiry, &response_expiry, &stapled}) {
    if (!family->metric.empty()) families.push_back(std::move(*family));
  }
  return families;
}

}  // namespace weir::app
