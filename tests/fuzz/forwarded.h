// Pure functions. A message as its receiver reads it, and what the proxy would send on for it: for targets that forward
// what they have understood and ask whether it still means the same.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http/codec.h"
#include "tests/fuzz/input.h"

namespace weir::fuzz {

using Lines = std::vector<std::pair<std::string, std::string>>;

inline Lines lines_of(const http::FieldList& fields) {
  Lines lines;
  for (const http::Field& field : fields) lines.emplace_back(field.name, field.value);
  return lines;
}

// Nothing that we send can end a line early (RFC 9110 5.5).
inline void require_clean(const Lines& lines) {
  for (const auto& [name, value] : lines) {
    require(!name.empty(), "a field has a name");
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "a value is one line");
  }
}

struct Body {
  enum class State { kWhole, kUnfinished, kRefused };
  State state = State::kUnfinished;
  std::string data;
  Lines trailers;
};

// Reads the body at the front of `bytes` and sends it on as `out`, when one is given: its frames, then its trailers.
template <class Reader, class Writer>
Body carry_body(Reader& reader, std::string_view& bytes, Writer* writer, http::HeadBuffer* out) {
  Body body;
  bool sent_end = writer == nullptr;
  while (!reader.body_ended() && !bytes.empty()) {
    const http::BodyDecoder::Result result = reader.read_body(bytes);
    if (result.fault != http::Fault::kNone) {
      body.state = Body::State::kRefused;
      return body;
    }
    body.data += result.part.data;
    if (writer != nullptr && !result.part.data.empty()) {
      http::BodyEncoder::Frame frame;
      require(writer->frame(result.part.data.size(), false, frame) == http::Fault::kNone, "a slice can be framed");
      out->append(frame.before);
      out->append(result.part.data);
      out->append(frame.after);
    }
    bytes.remove_prefix(result.consumed);
    require(result.consumed > 0 || reader.body_ended(), "decoding goes on");
  }
  if (!reader.body_ended() && reader.body_eof() != http::Fault::kNone) return body;
  body.state = Body::State::kWhole;
  body.trailers = lines_of(reader.trailers());
  require_clean(body.trailers);
  if (!sent_end && !body.trailers.empty()) {
    require(writer->finish(reader.trailers(), *out) == http::Fault::kNone, "a body can be ended by trailers");
  } else if (!sent_end) {
    http::BodyEncoder::Frame frame;
    require(writer->frame(0, true, frame) == http::Fault::kNone, "a body can be ended");
    out->append(frame.before);
    out->append(frame.after);
  }
  return body;
}

}  // namespace weir::fuzz
