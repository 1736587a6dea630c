// JSON, as the admin API takes it: what is read can be written, and reads as the same.
#include "base/json.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const json::ParseResult once = json::parse(text);
  if (!once.error.empty()) return 0;
  const std::string written = json::write(once.value);
  const json::ParseResult twice = json::parse(written);
  fuzz::require(twice.error.empty() && json::write(twice.value) == written, "what is written reads as the same");
  return 0;
}
