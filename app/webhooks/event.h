// Immutable values and pure functions, but for new_event_id(). What a webhook is told.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/comparison.h"
#include "base/held_bytes.h"
#include "base/json.h"

namespace weir::app {

struct WebhookEvent {
  std::string id;    // the same in each attempt, and for each webhook
  std::string body;  // JSON, byte by byte as it is signed
  // What a judge is asked about; else nothing, and nobody reads the answer.
  std::optional<Comparison> pair = {};
  HeldBytes held = {};  // of the body, where limits.memory counts it
};

// 128 random bits in hex digits.
std::string new_event_id();

// Of a record of the history: the words that most receivers need on top, the whole record behind them.
WebhookEvent event_of(const json::Value& record, std::string id);

// "sha256=" and the digest in hex digits: what x-weir-signature says of a body.
std::string signature_of(std::string_view body, std::string_view secret);

}  // namespace weir::app
