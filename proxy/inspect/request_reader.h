// Confined to one worker. Reads out of a JSON request, as its bytes come, what it is routed by and known by: the model
// that it asks for, be it behind megabytes of messages. Keeps that and nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/body_text.h"
#include "proxy/http/head.h"
#include "proxy/inspect/request_scan.h"

namespace weir::proxy {

// What it says is JSON that can be read: it has a body, which is not compressed.
bool says_json(const http::RequestHead& request);

class RequestReader {
 public:
  // Bytes of a text as JSON writes it, quotes included. A longer one is taken for none.
  static constexpr std::size_t kMostText = 512;

  // Looks for these in another request. Once warm it allocates nothing.
  void begin(config::BodyTextSet wanted);
  // As long as there is anything left to be found.
  void take(std::string_view bytes);
  // Nothing more can be learned: all that is wanted has come, or the object is over.
  bool done() const { return scan_.over() || come_.has_all(wanted_); }
  // What has come answers these, or nothing that is still to come will.
  bool settles(const config::BodyNeeds& needs) const;
  // Nothing: it has not come, or is no string. Of two the first one counts.
  std::optional<std::string_view> text(config::BodyText which) const;
  config::BodyTexts texts() const;
  // The answer is to be JSON: kAnswerFormat says so, or there is a schema for it.
  bool asks_json() const;

 private:
  struct Found {
    bool is_text = false;
    std::size_t begin = 0;  // in text_
    std::size_t size = 0;
  };

  void open(const RequestScan::Found& found);
  void end_object(Member member);
  void close();

  RequestScan scan_;
  config::BodyTextSet wanted_;
  config::BodyTextSet come_;  // of these
  std::array<Found, config::kBodyTextCount> found_{};
  bool has_schema_ = false;
  std::string text_;                      // of all of them, each as JSON writes it until it is whole
  std::optional<config::BodyText> open_;  // whose value is under way
};

}  // namespace weir::proxy
