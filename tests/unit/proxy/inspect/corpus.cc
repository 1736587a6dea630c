#include "tests/unit/proxy/inspect/corpus.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace weir::proxy {
namespace {

constexpr std::string_view kMark = "=== ";

Golden entry_of(const std::string& text) {
  std::istringstream in(text);
  std::string title;
  Golden golden;
  std::getline(in, title);
  std::getline(in, golden.facts);
  golden.body.assign(std::istreambuf_iterator<char>(in), {});
  std::istringstream words(title);
  std::string inspect, kind, word;
  words >> golden.name >> inspect >> kind;
  const auto known = std::find(config::kInspectWords.begin(), config::kInspectWords.end(), inspect);
  golden.inspect = static_cast<config::Inspect>(known - config::kInspectWords.begin());
  golden.type = kind == "events" ? "text/event-stream" : kind == "lines" ? "application/x-ndjson" : "application/json";
  while (words >> word) (word == "json" ? golden.json_asked : golden.unmarked) = true;
  return golden;
}

}  // namespace

std::vector<Golden> corpus() {
  std::ifstream file(WEIR_SOURCE_DIR "/tests/unit/proxy/inspect/corpus.txt");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<Golden> all;
  for (std::size_t begin = text.find(kMark); begin != std::string::npos;) {
    const std::size_t next = text.find("\n" + std::string(kMark), begin);
    all.push_back(entry_of(text.substr(begin + kMark.size(), next - begin - kMark.size())));
    begin = next == std::string::npos ? next : next + 1;
  }
  // Of the last one, the line feed that ends the file.
  if (!all.empty()) all.back().body.pop_back();
  return all;
}

}  // namespace weir::proxy
