// Confined to one worker. Its part of the access log: what a request says is kept when its head is read, for the head
// makes room for the body, and the line is written when it ends. Into a ring that a thread of its own empties: no lock,
// no wait, and once warm no allocation. Without an access log in the plan it is never called.
#pragma once

#include <array>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "config/access_log.h"
#include "proxy/exchange/request_context.h"
#include "proxy/http/head.h"
#include "proxy/net/address.h"
#include "proxy/observe/line_ring.h"

namespace weir::proxy {

class AccessLog {
 public:
  static constexpr std::size_t kRingSize = std::size_t{2} << 20;
  // Of one value; the rest of a longer one is cut off.
  static constexpr std::size_t kMostValue = 4'096;

  explicit AccessLog(Random& random) : random_(random) {}

  // Where the request came from, and what became of its bytes.
  struct Traffic {
    std::string_view listener;
    const SocketAddress& peer;
    std::string_view scheme;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
  };

  // `context.topology` has an access log. Of a request that could not be read, `request` is what there is. `shown`: its
  // fields as the plan's rules see them (forwarded.h); null: as they came, without those that are the weir's own word.
  void begin(const http::RequestHead& request, RequestContext& context, const http::FieldList* shown = nullptr);
  // Of a request that has begun.
  void end(RequestContext& context, const Traffic& traffic);

  LineRing& lines() { return lines_; }
  const LineRing& lines() const { return lines_; }

 private:
  struct Value;

  Value value_of(const config::LogPart& part, const RequestContext& context, const Traffic& traffic);
  static Value value_of_version(const config::LogPart& part, const RequestContext& context);
  static Value value_of_answer(const config::LogPart& part, const RequestContext& context);
  std::string_view time_text();
  void write_json(const config::LogPart& part, const Value& value);
  void write_text(const config::LogPart& part, const Value& value);

  Random& random_;
  LineRing lines_{kRingSize};
  std::vector<std::unique_ptr<LogEntry>> free_;
  std::string line_;
  std::array<char, 32> time_{};
  std::array<char, 48> address_{};
  std::time_t second_ = -1;  // which `time_` is of
};

}  // namespace weir::proxy
