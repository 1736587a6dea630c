// Confined to one worker. Reads out of a JSON request, as its bytes come, what it is routed by: the model that it asks
// for, be it behind megabytes of messages. Keeps that and nothing else, and need not be shown what stands behind it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/http/head.h"
#include "proxy/inspect/request_scan.h"

namespace weir::proxy {

// What it says is JSON that can be read: it has a body, which is not compressed.
bool says_json(const http::RequestHead& request);

class RequestReader {
 public:
  // Bytes of a name as JSON writes it, quotes included. A longer one is taken for none.
  static constexpr std::size_t kMostName = 512;

  void take(std::string_view bytes);
  // Nothing more can be learned of it.
  bool done() const { return done_; }
  // Nothing: it has not come, or is no string. Of two the first one counts.
  std::optional<std::string_view> model() const {
    return has_model_ ? std::optional<std::string_view>(text_) : std::nullopt;
  }

 private:
  void end_model();

  RequestScan scan_;
  std::string text_;  // of the model: as JSON writes it, then what that means
  bool in_model_ = false;
  bool has_model_ = false;
  bool done_ = false;
};

}  // namespace weir::proxy
