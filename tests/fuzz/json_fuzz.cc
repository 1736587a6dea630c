// JSON: what the admin API reads can be written, and reads as the same; and the quick way through texts that pass by
// finds what the long one does, whatever texts came before.
#include <string>

#include "base/json.h"
#include "base/json_plain.h"
#include "base/json_scan.h"
#include "tests/fuzz/input.h"

namespace weir::fuzz {
namespace {

void write_and_read(std::string_view text) {
  const json::ParseResult once = json::parse(text);
  if (!once.error.empty()) return;
  const std::string written = json::write(once.value);
  const json::ParseResult twice = json::parse(written);
  require(twice.error.empty() && json::write(twice.value) == written, "what is written reads as the same");
}

struct Told final : json::Scan::Sink {
  void on_text(int path, std::string_view piece, bool end) override {
    all += piece;
    if (end) all += "\" of " + std::to_string(path) + "\n";
  }
  void on_number(int path, double number) override {
    all += std::to_string(number) + " of " + std::to_string(path) + "\n";
  }
  void on_boolean(int path, bool value) override {
    all += (value ? "true of " : "false of ") + std::to_string(path) + "\n";
  }
  void on_object(int path) override { all += "{ of " + std::to_string(path) + "\n"; }
  void on_object_end(int path, std::size_t members) override {
    all += "} of " + std::to_string(path) + ", " + std::to_string(members) + "\n";
  }
  std::string all;
};

void find(std::string_view text) {
  static const json::Paths paths({"a", "b", "b.a", "b.a.c", "percent"});
  static json::PlainTexts plain_texts(paths);
  static json::PlainTexts::Source source;
  source.strangeness = 0;
  Told quickly;
  if (!plain_texts.tell(text, source, quickly))
    return require(quickly.all.empty(), "nothing is told of what is not plain");
  Told slowly;
  json::Scan scan(paths, slowly);
  scan.begin();
  scan.feed(text);
  require(scan.end(), "what is plain is JSON");
  require(quickly.all == slowly.all, "both find the same");
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  weir::fuzz::write_and_read(text);
  weir::fuzz::find(text);
  return 0;
}
