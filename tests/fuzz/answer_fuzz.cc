// Answers of model servers, in every dialect and framing. How the bytes were cut never matters, and what is said of an
// answer does not contradict itself.
#include <array>

#include "tests/fuzz/input.h"
#include "tests/unit/proxy/inspect/answers.h"

namespace weir::fuzz {
namespace {

void require_sense(const proxy::AnswerFacts& facts) {
  using proxy::Ending;
  require(facts.known || facts.outputs == 0, "what is not known has no output");
  require((facts.outputs == 0) == (facts.first_output_us == 0), "output has its time");
  require(facts.first_output_us <= facts.last_output_us, "the first output is not behind the last");
  require(!facts.empty || facts.ending == Ending::kOk, "what failed is not empty");
  require(!facts.invalid || facts.ending == Ending::kOk, "what failed is not invalid");
  require(facts.ending != Ending::kTruncated || facts.streamed, "what is whole is not cut short");
}

void read(const Input& input) {
  constexpr std::array<std::string_view, 3> kTypes = {"text/event-stream", "application/x-ndjson", "application/json"};
  proxy::Sent sent;
  sent.inspect = static_cast<config::Inspect>(1 + input.choice % 6);
  sent.type = kTypes[input.choice / 6 % 3];
  sent.json_asked = (input.choice & 64) != 0;
  sent.complete = (input.choice & 128) == 0;
  sent.body = input.bytes;
  static proxy::AnswerReader reader;
  const proxy::AnswerFacts whole = proxy::read_answer(reader, sent);
  const proxy::AnswerFacts cut = proxy::read_answer(reader, sent, cuts_of(input));
  require_sense(whole);
  require(proxy::describe(whole) == proxy::describe(cut), "cuts do not matter");
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weir::fuzz::read(weir::fuzz::split_input(data, size));
  return 0;
}
