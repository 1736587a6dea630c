#include "proxy/exchange/trace.h"

#include <algorithm>

#include "base/ids.h"
#include "proxy/split/unit_key.h"

namespace weir::proxy {
namespace {

constexpr std::size_t kSize = 55;  // of version 00, and of what a later one begins with

// HEXDIGLC: lower case alone (3.2.2).
bool hex(std::string_view digits) {
  return std::all_of(digits.begin(), digits.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool id(std::string_view digits) { return hex(digits) && digits.find_first_not_of('0') != std::string_view::npos; }

}  // namespace

bool valid_traceparent(std::string_view text) {
  if (text.size() < kSize || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view version = text.substr(0, 2);
  if (!hex(version) || version == "ff") return false;
  if (text.size() > kSize && (version == "00" || text[kSize] != '-')) return false;
  return id(text.substr(3, 32)) && id(text.substr(36, 16)) && hex(text.substr(53, 2));
}

Trace Trace::take(const http::FieldList& fields, const config::Tracing& tracing, Random& random) {
  Trace trace;
  if (fields.has(http::FieldId::kTraceparent)) {
    const auto is_parent = [](const http::Field& field) { return field.id == http::FieldId::kTraceparent; };
    const std::string_view theirs = fields.value(http::FieldId::kTraceparent);
    if (std::count_if(fields.begin(), fields.end(), is_parent) == 1 && valid_traceparent(theirs)) {
      theirs.copy(trace.text_.data(), kSize);
      return trace;
    }
  }
  if (!tracing.begin) return trace;
  trace.begun_ = true;
  const DrawnId trace_id = draw_id(random);
  const DrawnId parent_id = draw_id(random);  // one half of it
  const bool sampled = tracing.sampled_ppm == kMillion || random.below(kMillion) < tracing.sampled_ppm;
  constexpr std::string_view kFrame = "00-00000000000000000000000000000000-0000000000000000-00";
  static_assert(kFrame.size() == kSize);
  kFrame.copy(trace.text_.data(), kSize);
  std::copy_n(trace_id.begin(), 32, trace.text_.begin() + 3);
  std::copy_n(parent_id.begin(), 16, trace.text_.begin() + 36);
  if (sampled) trace.text_[kSize - 1] = '1';
  return trace;
}

}  // namespace weir::proxy
