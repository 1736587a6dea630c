// Confined to one thread. Talks to a running weir's admin API, one short call at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "config/address.h"

namespace weir::app {

// Of "http://host:port" or "host:port"; nothing when it is neither. Only plain HTTP is spoken.
std::optional<config::HostPort> parse_admin_url(std::string_view url);

// Where a weir listens as it is reached from this machine: an unspecified address becomes loopback.
config::HostPort reachable(config::HostPort listening);

struct AdminReply {
  int status = 0;  // 0: no weir answered
  std::string body;
  std::string error;  // why none answered
  bool ok() const { return status >= 200 && status < 300; }
};

class AdminClient {
 public:
  struct Options {
    config::HostPort address;
    std::string token;                          // empty: none is sent
    std::string actor;                          // who is asking, for the history
    std::chrono::milliseconds timeout{10'000};  // of a whole call
  };
  explicit AdminClient(Options options) : options_(std::move(options)) {}

  AdminReply get(std::string_view target) const { return call("GET", target, {}); }
  AdminReply post(std::string_view target, std::string_view body = {}) const { return call("POST", target, body); }
  std::string url() const;

 private:
  AdminReply call(std::string_view method, std::string_view target, std::string_view body) const;

  Options options_;
};

}  // namespace weir::app
