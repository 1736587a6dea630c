#include "proxy/http/body.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/percent.h"
#include "proxy/http/bytes.h"

namespace weir::http {
namespace {

constexpr std::uint8_t kMaxSizeDigits = 16;
// A chunk line's extension is dropped; more than this is no accident.
constexpr std::uint16_t kMaxExtension = 256;
// Extensions that outweigh the data by this much are an attack on our time. Chunk lines without any are none, however
// small the chunks: tokens are streamed so.
constexpr std::uint32_t kMaxExtensionExcess = 16 * 1024;

}  // namespace

Fault BodyDecoder::start(BodyFraming framing, std::uint64_t content_length, std::uint64_t limit) {
  received_ = 0;
  remaining_ = 0;
  digits_ = 0;
  extension_excess_ = 0;
  trailers_.clear();
  withheld_ = {};
  switch (framing) {
    case BodyFraming::kNone:
      state_ = State::kEnded;
      break;
    case BodyFraming::kLength:
      remaining_ = content_length;
      state_ = content_length == 0 ? State::kEnded : State::kLength;
      break;
    case BodyFraming::kChunked:
      state_ = State::kChunkSize;
      break;
    case BodyFraming::kUntilClose:
      state_ = State::kUntilClose;
      break;
  }
  return set_limit(limit);
}

// Whoever is told kBodyTooLarge reads on to drop the rest, if at all.
Fault BodyDecoder::set_limit(std::uint64_t limit) {
  limit_ = limit;
  const bool inside = state_ == State::kLength || state_ == State::kChunkData;
  const std::uint64_t expected = inside ? remaining_ : 0;
  return received_ > limit || expected > limit - received_ ? Fault::kBodyTooLarge : Fault::kNone;
}

BodyDecoder::Result BodyDecoder::decode(std::string_view input) {
  if (state_ == State::kLength) {
    Result result = take_data(input, remaining_);
    if (remaining_ == 0) {
      state_ = State::kEnded;
      result.part.end = true;
    }
    return result;
  }
  if (state_ == State::kUntilClose) return take_data(input, std::numeric_limits<std::uint64_t>::max());
  std::size_t at = 0;
  if (state_ != State::kEnded) {
    const Fault fault = scan_framing(input, at);
    if (fault != Fault::kNone) {
      state_ = State::kFailed;
      return {at, {}, fault};
    }
  }
  if (state_ == State::kEnded) return {at, {{}, true}, Fault::kNone};
  if (state_ != State::kChunkData || at == input.size()) return {at, {}, Fault::kNone};
  if (remaining_ > limit_ - received_) {
    state_ = State::kFailed;
    return {at, {}, Fault::kBodyTooLarge};
  }
  Result result = take_data(input.substr(at), remaining_);
  result.consumed += at;
  extension_excess_ -= static_cast<std::uint32_t>(std::min<std::size_t>(extension_excess_, result.part.data.size()));
  if (remaining_ == 0) state_ = State::kChunkDataCr;
  return result;
}

// Up to `available` bytes; what remains of the body or chunk is known by then.
BodyDecoder::Result BodyDecoder::take_data(std::string_view input, std::uint64_t available) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), available));
  received_ += size;
  if (state_ != State::kUntilClose) remaining_ -= size;
  return {size, {input.substr(0, size), false}, Fault::kNone};
}

// Everything of a chunked body that is not data, up to the next data or the end.
Fault BodyDecoder::scan_framing(std::string_view input, std::size_t& at) {
  while (at < input.size()) {
    const char c = input[at];
    Fault fault = Fault::kNone;
    switch (state_) {
      case State::kChunkSize:
        fault = chunk_size_byte(c);
        break;
      case State::kChunkExtension:
        fault = chunk_extension_byte(c);
        break;
      case State::kChunkLineLf:
        fault = c == '\n' ? end_chunk_line() : Fault::kBadChunk;
        break;
      case State::kChunkDataCr:
        if (c != '\r') fault = Fault::kBadChunk;
        state_ = State::kChunkDataLf;
        break;
      case State::kChunkDataLf:
        if (c != '\n') fault = Fault::kBadChunk;
        state_ = State::kChunkSize;
        digits_ = 0;
        remaining_ = 0;
        break;
      case State::kTrailers:
        return take_trailers(input, at);
      default:
        return Fault::kNone;
    }
    if (fault != Fault::kNone) return fault;
    ++at;
    if (state_ == State::kChunkData) return Fault::kNone;
  }
  return Fault::kNone;
}

Fault BodyDecoder::chunk_size_byte(char c) {
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (++digits_ > kMaxSizeDigits) return Fault::kChunkTooLarge;
    remaining_ = (remaining_ << 4) | static_cast<std::uint64_t>(digit);
    return Fault::kNone;
  }
  if (digits_ == 0) return Fault::kBadChunk;
  extension_bytes_ = 0;
  if (c == '\r') {
    state_ = State::kChunkLineLf;
  } else if (c == ';') {
    state_ = State::kChunkExtension;
  } else {
    return Fault::kBadChunk;
  }
  return Fault::kNone;
}

Fault BodyDecoder::chunk_extension_byte(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  if (c == '\r') {
    state_ = State::kChunkLineLf;
    return Fault::kNone;
  }
  if ((byte < 0x20 && c != '\t') || byte >= 0x7f) return Fault::kBadChunk;
  const bool too_long = ++extension_bytes_ > kMaxExtension || ++extension_excess_ > kMaxExtensionExcess;
  return too_long ? Fault::kBadChunk : Fault::kNone;
}

Fault BodyDecoder::end_chunk_line() {
  if (remaining_ > 0) {
    state_ = State::kChunkData;
    return Fault::kNone;
  }
  state_ = State::kTrailers;
  trailer_bytes_.clear();
  trailer_scanner_.start(0);
  return Fault::kNone;
}

Fault BodyDecoder::take_trailers(std::string_view input, std::size_t& at) {
  const std::size_t before = trailer_bytes_.size();
  // No more than the scanner's limits can use, so that a read buffer is never copied whole.
  const std::size_t room = kTrailerLimits.fields + 2 - std::min<std::size_t>(before, kTrailerLimits.fields + 2);
  const std::string_view next = input.substr(at, std::max<std::size_t>(room, 1));
  trailer_bytes_.append(next);
  if (!trailer_scanner_.scan(trailer_bytes_)) {
    at += next.size();
    return Fault::kNone;
  }
  if (trailer_scanner_.fault() != Fault::kNone) return Fault::kBadTrailer;
  at += trailer_scanner_.end() - before;
  trailer_scanner_.collect(trailer_bytes_, trailers_);
  for (const Field& field : trailers_) {
    if (forbidden_in_trailers(field.name) || withheld_.holds(field.name)) trailers_.drop(field.name);
  }
  state_ = State::kEnded;
  return Fault::kNone;
}

Fault BodyDecoder::finish_at_eof() {
  if (state_ == State::kUntilClose) state_ = State::kEnded;
  return state_ == State::kEnded ? Fault::kNone : Fault::kTruncatedBody;
}

void BodyEncoder::start(BodyFraming framing, std::uint64_t content_length, const FieldChanges* changes) {
  changes_ = changes;
  framing_ = framing;
  remaining_ = framing == BodyFraming::kLength ? content_length : 0;
  ended_ = framing == BodyFraming::kNone || (framing == BodyFraming::kLength && content_length == 0);
}

Fault BodyEncoder::frame(std::size_t size, bool end, Frame& out) {
  static constexpr std::string_view kEnd = "0\r\n\r\n";
  static constexpr std::string_view kDataEnd = "\r\n0\r\n\r\n";
  out = {};
  if (ended_) return size == 0 ? Fault::kNone : Fault::kTruncatedBody;
  ended_ = end;
  if (framing_ == BodyFraming::kLength) {
    if (size > remaining_) return Fault::kTruncatedBody;
    remaining_ -= size;
    ended_ = remaining_ == 0;
    return end && remaining_ > 0 ? Fault::kTruncatedBody : Fault::kNone;
  }
  if (framing_ != BodyFraming::kChunked) return Fault::kNone;
  if (size == 0) {
    if (end) out.before = kEnd;
    return Fault::kNone;
  }
  std::size_t begin = line_.size();
  line_[--begin] = '\n';
  line_[--begin] = '\r';
  for (std::size_t rest = size; rest > 0; rest >>= 4) line_[--begin] = kHexDigits[rest & 15];
  out.before = {line_.data() + begin, line_.size() - begin};
  out.after = end ? kDataEnd : kDataEnd.substr(0, 2);
  return Fault::kNone;
}

Fault BodyEncoder::finish(const FieldList& trailers, HeadBuffer& out) {
  if (ended_) return Fault::kNone;
  ended_ = true;
  if (framing_ == BodyFraming::kLength && remaining_ > 0) return Fault::kTruncatedBody;
  if (framing_ != BodyFraming::kChunked) return Fault::kNone;
  out.append("0\r\n");
  for (const Field& field : trailers) {
    if (changes_ != nullptr && changes_->drops(field.name)) continue;
    out.append(field.name);
    out.append(": ");
    out.append(field.value);
    out.append("\r\n");
  }
  out.append("\r\n");
  return Fault::kNone;
}

// RFC 9110 6.5.1: nothing that frames, routes, authenticates, or says how to treat the content; and nothing that the
// receiver would take for a proxy's word, which is never in a trailer.
bool forbidden_in_trailers(std::string_view name) {
  using enum FieldId;
  static constexpr FieldMask kForbidden = [] {
    FieldMask mask = 0;
    for (const FieldId id : {kHost,
                             kContentLength,
                             kTransferEncoding,
                             kConnection,
                             kKeepAlive,
                             kTe,
                             kTrailer,
                             kUpgrade,
                             kExpect,
                             kMaxForwards,
                             kCookie,
                             kSetCookie,
                             kAuthorization,
                             kContentType,
                             kContentEncoding,
                             kDate,
                             kVia,
                             kRetryAfter,
                             kForwarded,
                             kXForwardedFor,
                             kXForwardedHost,
                             kXForwardedProto,
                             kXForwardedOther,
                             kXRequestId,
                             kXForwardedClientCert,
                             kTraceparent,
                             kTracestate,
                             kLookalike}) {
      mask |= field_bit(id);
    }
    return mask;
  }();
  static constexpr std::array<std::string_view, 7> kForbiddenNames = {
      "authentication-info", "content-range", "cache-control", "age", "location", "vary", "www-authenticate"};
  static constexpr std::array<std::string_view, 2> kForbiddenFamilies = {"proxy-", "x-weir-"};
  return (field_bit(field_id(name)) & kForbidden) != 0 ||
         std::any_of(kForbiddenNames.begin(), kForbiddenNames.end(),
                     [&](std::string_view f) { return equal_ignoring_case(f, name); }) ||
         std::any_of(kForbiddenFamilies.begin(), kForbiddenFamilies.end(),
                     [&](std::string_view f) { return equal_ignoring_case(f, name.substr(0, f.size())); });
}

}  // namespace weir::http
