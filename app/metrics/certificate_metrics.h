// Pure function over plain values. How long what TLS is set up from is good for, in Prometheus' form.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weir::app {

// Of one file.
struct CertificateSample {
  std::map<std::string, std::string> owner;  // labels: the listener, or service and version
  std::string file;
  bool ocsp = false;         // an OCSP response, or else certificates
  std::int64_t until_s = 0;  // since 1970; 0: it is not used; the greatest number: it has no end
  bool holds = false;        // now
};

// Empty without TLS: families without metrics would only be noise.
std::vector<prometheus::MetricFamily> certificate_families(const std::vector<CertificateSample>& samples);

}  // namespace weir::app
