// Requests of clients on their way to a model server, and streams on their way back. How the bytes were cut never
// matters; a request is as long as was said before it, and what is left of a stream is what came.
#include <optional>
#include <string>

#include "base/json.h"
#include "proxy/inspect/request_editor.h"
#include "proxy/inspect/request_reader.h"
#include "proxy/inspect/usage_filter.h"
#include "tests/fuzz/input.h"

namespace weir::fuzz {
namespace {

std::string passed(proxy::BodyFilter& filter, const Input& input, const std::vector<std::size_t>& cuts) {
  std::string out;
  std::size_t begin = 0;
  bool ended = false;
  for (const std::size_t end : cuts) {
    filter.take(http::body_slice(input.bytes.substr(begin, end - begin), end == input.bytes.size()));
    begin = end;
    while (filter.pending()) {
      require(!ended, "nothing comes behind the end");
      const http::BodyEvent event = filter.next();
      out += event.data;
      ended = event.end;
    }
  }
  require(ended, "the body ends");
  return out;
}

void edit(const Input& input) {
  const proxy::RequestEditor::Wishes wishes{.include_usage = (input.choice & 1) != 0,
                                            .model = (input.choice & 2) != 0 ? "\"m\"" : "",
                                            .length_said = (input.choice & 4) != 0};
  proxy::RequestEditor editor;
  editor.begin(wishes);
  const std::string whole = passed(editor, input, {input.bytes.size()});
  const bool added = editor.usage_added();
  editor.begin(wishes);
  require(passed(editor, input, cuts_of(input)) == whole, "cuts do not matter to a request");
  require(editor.usage_added() == added, "cuts do not matter to what was added");
  if (wishes.length_said) require(whole.size() == input.bytes.size() + editor.growth(), "it is as long as was said");
  if (!wishes.include_usage && wishes.model.empty()) require(whole == input.bytes, "what nobody wishes is not done");
  const json::ParseResult parsed = json::parse(whole);
  if (wishes.model.empty() || !parsed.ok()) return;
  const std::string& model = parsed.value["model"].string();
  require(model.empty() || model == "m", "no other model is asked for");
}

void read(const Input& input) {
  constexpr config::BodyText kModel = config::BodyText::kModel;
  config::BodyTextSet wanted = kModel;
  for (std::size_t i = 1; i < config::kBodyTextCount; ++i) {
    if ((input.choice & 8) != 0) wanted.add(static_cast<config::BodyText>(i));
  }
  proxy::RequestReader whole;
  whole.begin(wanted);
  whole.take(input.bytes);
  proxy::RequestReader cut;
  cut.begin(wanted);
  std::size_t begin = 0;
  for (const std::size_t end : cuts_of(input)) {
    cut.take(input.bytes.substr(begin, end - begin));
    begin = end;
  }
  require(whole.texts() == cut.texts() && whole.done() == cut.done(), "cuts do not matter to what a request says");
  require(whole.text(kModel) == cut.text(kModel), "nor to whether it says nothing");
  const json::ParseResult parsed = json::parse(input.bytes);
  if (!parsed.ok() || !parsed.value.is_object()) return;
  require(whole.done(), "an object's end is seen");
  // Of two the parser knows the last one.
  if (whole.text(kModel) || input.bytes.find('\\') != std::string_view::npos) return;
  const std::string& model = parsed.value["model"].string();
  require(model.empty() || model.size() + 2 > proxy::RequestReader::kMostText ||
              input.bytes.find("\"model\"") != input.bytes.rfind("\"model\""),
          "a model that is there is read");
}

void filter(const Input& input) {
  static proxy::UsageFilter filter;
  filter.begin();
  const std::string whole = passed(filter, input, {input.bytes.size()});
  filter.begin();
  require(passed(filter, input, cuts_of(input)) == whole, "cuts do not matter to a stream");
  std::size_t at = 0;
  for (const char c : whole) {
    at = input.bytes.find(c, at);
    require(at != std::string_view::npos, "nothing is added to a stream");
    ++at;
  }
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weir::fuzz::Input input = weir::fuzz::split_input(data, size);
  weir::fuzz::edit(input);
  weir::fuzz::read(input);
  weir::fuzz::filter(input);
  return 0;
}
