#include "proxy/inspect/request_editor.h"

#include <utility>

namespace weir::proxy {
namespace {

constexpr std::string_view kOptions = R"(,"stream_options":{"include_usage":true})";
constexpr std::string_view kOptionsValue = R"({"include_usage":true})";
constexpr std::string_view kMoreUsage = R"(,"include_usage":true)";
constexpr std::string_view kUsage = R"("include_usage":true)";
constexpr std::string_view kTrue = "true";
constexpr std::string_view kNoText = R"("")";
constexpr std::string_view kNoNumber = "0";  // as short as a value can be
constexpr std::string_view kSpaces = "                                                                ";

}  // namespace

void RequestEditor::begin(const Wishes& wishes) {
  scan_.begin();
  wishes_ = wishes;
  slice_ = {};
  put_ = {};
  growth_ = (wishes.include_usage ? kOptions.size() : 0) + wishes.model.size();
  room_ = growth_;
  pending_ = leaving_out_ = streams_ = has_options_ = asked_ = usage_added_ = false;
}

void RequestEditor::take(const http::BodyEvent& slice) {
  slice_ = slice;
  pending_ = true;
}

bool RequestEditor::pending() const { return pending_; }

http::BodyEvent RequestEditor::next() {
  if (!put_.empty()) return piece(std::exchange(put_, {}));
  const char* begin = slice_.data.data();
  std::size_t size = 0;
  while (!slice_.data.empty() && put_.empty()) {
    const std::size_t left = slice_.data.size();
    const RequestScan::Found found = scan_.next(slice_.data);
    const std::size_t passed = left - slice_.data.size();
    if (leaving_out_) {
      room_ += passed;
      begin = slice_.data.data();
    } else {
      size += passed;
    }
    react(found);
    if (leaving_out_ && size > 0) break;
  }
  if (size > 0) return piece({begin, size});
  if (!put_.empty()) return piece(std::exchange(put_, {}));
  // Where no length was said there is nothing to fill up.
  if (!filled()) {
    const std::string_view spaces = kSpaces.substr(0, room_);
    room_ -= spaces.size();
    return piece(spaces);
  }
  return piece({});
}

// With what goes with it: whether more of this slice is to come, and of the body.
http::BodyEvent RequestEditor::piece(std::string_view data) {
  pending_ = !slice_.data.empty() || !put_.empty() || !filled();
  http::BodyEvent out = http::body_slice(data, slice_.end && !pending_);
  out.more = pending_ || slice_.more;
  return out;
}

// False: there is no room for it.
bool RequestEditor::put(std::string_view text) {
  if (!fits(text)) return false;
  if (wishes_.length_said) room_ -= text.size();
  put_ = text;
  return true;
}

void RequestEditor::react(const RequestScan::Found& found) {
  switch (found.what) {
    case RequestScan::What::kNothing:
      return;
    case RequestScan::What::kValue:
      return on_value(found);
    case RequestScan::What::kValueEnd:
      return on_value_end(found.member);
    case RequestScan::What::kObjectEnd:
      return on_object_end(found);
  }
}

void RequestEditor::on_value(const RequestScan::Found& found) {
  if (found.member == Member::kModel) leaving_out_ = !wishes_.model.empty();
  if (found.member == Member::kStreamOptions) {
    has_options_ = true;
    asked_ = false;
    // A `null` of a client that writes all it has: whether it streams stands behind it, perhaps, and then it is left.
    const bool none = found.first != '{' && streams_ && wishes_.include_usage;
    if (none && put(kOptionsValue)) leaving_out_ = usage_added_ = true;
  }
  if (found.member == Member::kIncludeUsage && wishes_.include_usage) leaving_out_ = fits(kTrue);
}

void RequestEditor::on_value_end(Member member) {
  if (member == Member::kStream) streams_ = scan_.word() == "true";
  const bool left_out = std::exchange(leaving_out_, false);
  if (left_out && member == Member::kModel) return put_model();
  if (member != Member::kIncludeUsage || !left_out) return;
  asked_ = true;
  if (scan_.word() != kTrue) usage_added_ = true;
  put(kTrue);
}

// In the place of what was left out. A request may say its model again and again, and parsers differ in which counts: where
// there is no room for the name, the origin is told none.
void RequestEditor::put_model() {
  if (!put(wishes_.model) && !put(kNoText)) put(kNoNumber);
}

void RequestEditor::on_object_end(const RequestScan::Found& found) {
  if (!wishes_.include_usage) return;
  if (found.member == Member::kStreamOptions) {
    if (!asked_ && put(found.empty ? kUsage : kMoreUsage)) usage_added_ = true;
  } else if (found.member == Member::kOther && streams_ && !has_options_ && put(kOptions)) {
    usage_added_ = true;
  }
}

}  // namespace weir::proxy
