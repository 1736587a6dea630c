#include "app/webhooks/judge_event.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

// A cut may go through a character: what is left of it goes too.
std::string_view whole_characters(std::string_view text) {
  constexpr std::size_t kLongest = 4;
  for (std::size_t less = 0; less < std::min(kLongest, text.size() + 1); ++less) {
    const std::string_view shorter = text.substr(0, text.size() - less);
    if (is_utf8(shorter)) return shorter;
  }
  return text;
}

json::Object body_json(const proxy::JudgedPair::Excerpt& excerpt, std::size_t limit) {
  std::string_view text = std::string_view(excerpt.text).substr(0, limit);
  const bool truncated = text.size() < excerpt.bytes;
  if (truncated) text = whole_characters(text);
  return {{"content_type", excerpt.type},
          {"bytes", excerpt.bytes},
          {"truncated", truncated},
          {"body", is_utf8(text) ? json::Value(text) : json::Value()}};
}

json::Object answer_json(const proxy::JudgedPair& pair, Arm arm, std::size_t limit) {
  const auto at = static_cast<std::size_t>(arm);
  json::Object out = body_json(pair.answers[at], limit);
  return out.set("duration_ms", pair.comparison.sides[at].duration_us / 1'000.0);
}

}  // namespace

WebhookEvent judge_event_of(const proxy::JudgedPair& pair, const Contest& contest, std::size_t limit) {
  std::string id = new_event_id();
  json::Object request{{"id", pair.request_id}, {"method", pair.method}, {"path", pair.path}};
  const json::Object asked = body_json(pair.request, limit);
  for (const auto& [name, value] : asked.members()) request.set(name, value);
  const json::Object body{{"id", id},
                          {"type", "judge"},
                          {"service", contest.service},
                          {"revision", contest.revision},
                          {"time", log::iso_time(contest.unix_ms)},
                          {"request", std::move(request)},
                          {"baseline", answer_json(pair, Arm::kBaseline, limit).set("version", contest.baseline)},
                          {"candidate", answer_json(pair, Arm::kCandidate, limit).set("version", contest.candidate)}};
  std::string text = json::write(body);
  HeldBytes held(pair.held.counter(), text.capacity());
  return {.id = std::move(id), .body = std::move(text), .pair = pair.comparison, .held = std::move(held)};
}

Opinion opinion_of(std::string_view answer) {
  const json::ParseResult parsed = json::parse(answer, {.bytes = kLongestOpinion});
  const std::string& winner = parsed.value["winner"].string();
  if (winner == "baseline") return Opinion::kBaselineBetter;
  if (winner == "candidate") return Opinion::kCandidateBetter;
  return winner == "tie" ? Opinion::kTie : Opinion::kNone;
}

}  // namespace weir::app
