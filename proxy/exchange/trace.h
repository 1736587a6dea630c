// Pure functions, and a plain value. W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/), as a proxy
// speaks it that records no spans: a traceparent that can be read goes on as it came, with its tracestate, for a parent
// that nobody has recorded would tear the trace in two. One that cannot, or several, go nowhere, nor does the
// tracestate beside them (3.2.2.5, 3.3.1.2), and a trace begins here when the plan wants one.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/random.h"
#include "config/tracing.h"
#include "proxy/http/field_list.h"

namespace weir::proxy {

// Of one request.
class Trace {
 public:
  // The client's, or one that is begun; none, if the plan begins none.
  static Trace take(const http::FieldList& fields, const config::Tracing& tracing, Random& random);

  // 32 digits, for logs; empty: none.
  std::string_view id() const { return text_[0] == '\0' ? std::string_view() : std::string_view(text_.data() + 3, 32); }
  // What the origin is told in place of what the client sent; empty unless begun here.
  std::string_view begun() const { return begun_ ? std::string_view(text_.data(), text_.size()) : std::string_view(); }
  // The client's fields go on.
  bool continued() const { return text_[0] != '\0' && !begun_; }

 private:
  std::array<char, 55> text_{};  // version, trace id, parent id, flags
  bool begun_ = false;
};

// Whether it is a traceparent that a level 1 reader takes: of a later version, its first four parts.
bool valid_traceparent(std::string_view text);

}  // namespace weir::proxy
