// Confined to one thread. What users saw: how many answers of which version, how many errors, how long it took.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::examples {

class Tally {
 public:
  // `version` is the answer's x-weir-version, empty where it had none.
  void answered(std::string_view version, std::chrono::microseconds latency);
  void failed(unsigned user, std::string_view version);

  std::uint64_t requests() const { return answers_ + errors_; }
  std::uint64_t errors() const { return errors_; }
  std::size_t users_with_errors() const { return users_with_errors_.size(); }
  // The latency below which `share` of the answers came, in microseconds; 0 before the first one.
  std::int64_t latency_us(double share) const;

  // One JSON object, `seconds` being how long the load has run.
  std::string json(double seconds) const;

 private:
  std::uint64_t answers_ = 0;
  std::uint64_t errors_ = 0;
  std::set<unsigned> users_with_errors_;
  std::map<std::string, std::uint64_t, std::less<>> by_version_;
  // Answers by latency in steps of 10 microseconds; the last one holds all that took longer.
  std::vector<std::uint32_t> latencies_ = std::vector<std::uint32_t>(200'000);
};

}  // namespace weir::examples
