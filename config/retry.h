// Immutable once loaded. When a request whose client has heard nothing yet is sent once more: to its version (a retry),
// or to the baseline in the candidate's place (a rescue).
#pragma once

#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <optional>

namespace weir::config {

// Statuses from 500 to 599.
class StatusSet {
 public:
  static constexpr int kFirst = 500;
  static constexpr int kLast = 599;

  StatusSet() = default;
  StatusSet(std::initializer_list<int> statuses) {
    for (const int status : statuses) add(status);
  }
  void add(int status) { bits_.set(static_cast<std::size_t>(status - kFirst)); }
  bool has(int status) const {
    return status >= kFirst && status <= kLast && bits_.test(static_cast<std::size_t>(status - kFirst));
  }
  bool empty() const { return bits_.none(); }
  bool operator==(const StatusSet&) const = default;

 private:
  std::bitset<kLast - kFirst + 1> bits_;
};

// Which failures a request is sent once more for, and how many requests at a time.
struct SendAgain {
  bool on_connect_failure = true;  // the endpoint has seen nothing of the request
  bool on_reset = false;           // the connection broke, or what came is no response
  bool on_timeout = false;         // responseHeader passed
  StatusSet on_status = {};
  // After a reset, a timeout, or a status other than 503 nobody knows what has been done: a POST goes out again only if
  // the plan says so (RFC 9110 9.2.2).
  bool non_idempotent = false;
  double budget = 0.2;  // share of the active requests
  std::uint32_t min_concurrent = 3;
  bool operator==(const SendAgain&) const = default;
};

struct Retries {
  std::uint32_t attempts = 1;  // after the first; 0: none
  SendAgain when;
  std::uint64_t body = 64 * 1024;  // bytes kept of a request's body; a longer one is sent once
  bool operator==(const Retries&) const = default;
};

struct Rescue {
  bool enabled = false;
  SendAgain when{.on_connect_failure = true,
                 .on_reset = true,
                 .on_timeout = true,
                 .on_status = {502, 503, 504},
                 .non_idempotent = false,
                 .budget = 0.2,
                 .min_concurrent = 3};
};

// What one place of the file says; unset fields are inherited.
struct SendAgainOverrides {
  std::optional<bool> on_connect_failure, on_reset, on_timeout, non_idempotent;
  std::optional<StatusSet> on_status;
  std::optional<double> budget;
  std::optional<std::uint32_t> min_concurrent;
};
struct RetryOverrides {
  std::optional<std::uint32_t> attempts;
  std::optional<std::uint64_t> body;
  SendAgainOverrides when;
};

void apply(SendAgain& onto, const SendAgainOverrides& overrides);
void apply(Retries& onto, const RetryOverrides& overrides);

}  // namespace weir::config
