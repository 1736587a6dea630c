// Pure functions. A model server's answer as the reader of answers takes it, cut into pieces as one likes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/inspect.h"
#include "proxy/inspect/answer_reader.h"

namespace weir::proxy {

struct Sent {
  config::Inspect inspect = config::Inspect::kAuto;
  std::string_view type = "text/event-stream";
  std::string_view body;
  bool json_asked = false;
  bool complete = true;
};

inline void send_head(AnswerReader& reader, const Sent& sent) {
  http::ResponseHead head;
  head.status = 200;
  head.framing = http::BodyFraming::kChunked;
  head.fields.add("content-type", sent.type);
  reader.begin(sent.inspect);
  if (sent.json_asked) reader.expect_json();
  reader.on_response_head(head);
}

// In pieces that end at `cuts`, of which the last is the body's size.
inline AnswerFacts read_answer(AnswerReader& reader, const Sent& sent, const std::vector<std::size_t>& cuts) {
  send_head(reader, sent);
  std::size_t begin = 0;
  for (const std::size_t end : cuts) {
    reader.on_data(sent.body.substr(begin, end - begin), 1'000);
    begin = end;
  }
  reader.on_end(sent.complete);
  return reader.facts();
}

inline AnswerFacts read_answer(AnswerReader& reader, const Sent& sent) {
  return read_answer(reader, sent, {sent.body.size()});
}

// "ok stop 2 outputs 25+14 tokens (3 cached, 4 reasoning) empty invalid", or "unknown".
inline std::string describe(const AnswerFacts& facts) {
  if (!facts.known) return "unknown";
  constexpr std::string_view kEndings[] = {"open", "ok", "truncated", "error", "capacity"};
  std::string text(kEndings[static_cast<std::size_t>(facts.ending)]);
  if (facts.finish != FinishReason::kNone) text += " " + std::string(to_string(facts.finish));
  if (facts.outputs != 0) text += " " + std::to_string(facts.outputs) + " outputs";
  if (facts.tokens_in || facts.tokens_out) {
    text += " " + (facts.tokens_in ? std::to_string(*facts.tokens_in) : "?") + "+";
    text += (facts.tokens_out ? std::to_string(*facts.tokens_out) : "?") + " tokens";
  }
  if (facts.tokens_cached != 0) text += " " + std::to_string(facts.tokens_cached) + " cached";
  if (facts.tokens_reasoning != 0) text += " " + std::to_string(facts.tokens_reasoning) + " reasoning";
  if (facts.model_size != 0) text += " by " + std::string(facts.model());
  if (facts.empty) text += " empty";
  if (facts.invalid) text += " invalid";
  return text;
}

}  // namespace weir::proxy
