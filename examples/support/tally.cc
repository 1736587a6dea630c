#include "examples/support/tally.h"

#include <algorithm>
#include <cstdio>

namespace weir::examples {
namespace {

constexpr std::int64_t kLatencyStep_us = 10;

void count(std::map<std::string, std::uint64_t, std::less<>>& by_version, std::string_view version) {
  const auto found = by_version.find(version);
  if (found != by_version.end()) {
    ++found->second;
  } else {
    by_version.emplace(version, 1);
  }
}

}  // namespace

void Tally::answered(std::string_view version, std::chrono::microseconds latency) {
  ++answers_;
  count(by_version_, version);
  const auto slot = static_cast<std::size_t>(latency.count() / kLatencyStep_us);
  ++latencies_[std::min(slot, latencies_.size() - 1)];
}

void Tally::failed(unsigned user, std::string_view version) {
  ++errors_;
  count(by_version_, version);
  users_with_errors_.insert(user);
}

std::int64_t Tally::latency_us(double share) const {
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(answers_));
  std::uint64_t seen = 0;
  for (std::size_t slot = 0; slot < latencies_.size(); ++slot) {
    seen += latencies_[slot];
    if (seen > wanted) return static_cast<std::int64_t>(slot) * kLatencyStep_us;
  }
  return 0;
}

std::string Tally::json(double seconds) const {
  char numbers[256];
  std::snprintf(numbers, sizeof numbers,
                R"({"seconds":%.2f,"requests":%llu,"errors":%llu,"users_with_errors":%zu,)"
                R"("latency_us_p50":%lld,"latency_us_p99":%lld,"by_version":{)",
                seconds, static_cast<unsigned long long>(requests()), static_cast<unsigned long long>(errors_),
                users_with_errors_.size(), static_cast<long long>(latency_us(0.5)),
                static_cast<long long>(latency_us(0.99)));
  std::string json = numbers;
  const char* separator = "";
  for (const auto& [version, requests] : by_version_) {
    json += separator + ("\"" + version + "\":") + std::to_string(requests);
    separator = ",";
  }
  return json + "}}";
}

}  // namespace weir::examples
