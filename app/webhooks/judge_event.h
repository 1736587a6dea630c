// Pure functions. What a judge is asked about two answers to the same request, and what it says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "app/webhooks/event.h"
#include "base/comparison.h"
#include "proxy/observe/judged_pair.h"

namespace weir::app {

// What a judge has to say fits into so many bytes.
inline constexpr std::size_t kLongestOpinion = 4'096;

// Whose answers they are.
struct Contest {
  std::string service;
  std::string baseline;
  std::string candidate;
  std::string revision;
  std::int64_t unix_ms = 0;
};

// Of bodies at most `limit` bytes; what is no UTF-8 is not sent.
WebhookEvent judge_event_of(const proxy::JudgedPair& pair, const Contest& contest, std::size_t limit);

// Of {"winner": "baseline" | "tie" | "candidate"}; kNone for anything else: it has no opinion.
Opinion opinion_of(std::string_view answer);

}  // namespace weir::app
