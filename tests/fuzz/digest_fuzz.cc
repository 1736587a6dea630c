// What is kept of answers to compare them: how the bytes were cut never matters, and JSON is what it is however it is
// written.
#include <optional>

#include "base/json.h"
#include "base/json_fingerprint.h"
#include "proxy/inspect/answer_digest.h"
#include "tests/fuzz/input.h"

namespace weir::fuzz {
namespace {

std::optional<std::uint64_t> fingerprint(std::string_view text) {
  static json::Fingerprint reader;
  reader.begin();
  reader.feed(text);
  return reader.end();
}

void show(proxy::AnswerDigest& digest, const Input& input, const std::vector<std::size_t>& cuts) {
  http::ResponseHead head;
  head.status = 200;
  head.framing = http::BodyFraming::kChunked;
  head.fields.add("content-type", (input.choice & 1) == 0 ? "application/json" : "text/plain");
  digest.begin(nullptr);
  digest.on_response_head(head);
  std::size_t begin = 0;
  for (const std::size_t end : cuts) {
    digest.on_data(input.bytes.substr(begin, end - begin), 1);
    begin = end;
  }
  digest.on_end(true);
}

void compare(const Input& input) {
  static proxy::AnswerDigest whole;
  static proxy::AnswerDigest cut;
  show(whole, input, {input.bytes.size()});
  show(cut, input, cuts_of(input));
  require(whole.likeness(cut) == Likeness::kIdentical, "cuts do not matter");
  require(whole.json() == cut.json(), "nor for what is JSON");
  const json::ParseResult parsed = json::parse(input.bytes);
  if (!parsed.ok()) return;
  require(fingerprint(input.bytes).has_value(), "what reads as JSON is JSON");
  require(fingerprint(json::write(parsed.value)) == fingerprint(json::write_pretty(parsed.value)),
          "white space does not matter");
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weir::fuzz::compare(weir::fuzz::split_input(data, size));
  return 0;
}
