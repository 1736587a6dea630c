// Chunked bodies, framed by hand or by us. How the bytes were cut never matters, data comes out as it went in, and what
// follows the body is never touched.
#include <algorithm>

#include "proxy/http/body.h"
#include "tests/fuzz/forwarded.h"

namespace weir::fuzz {
namespace {

struct Decoded {
  http::Fault fault = http::Fault::kNone;
  bool ended = false;
  std::string data;
  std::size_t consumed = 0;
  Lines trailers;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view bytes, const std::vector<std::size_t>& cuts, std::uint64_t limit) {
  Decoded decoded;
  http::BodyDecoder decoder;
  decoded.fault = decoder.start(http::BodyFraming::kChunked, 0, limit);
  for (const std::size_t cut : cuts) {
    while (decoded.fault == http::Fault::kNone && !decoder.ended() && decoded.consumed < cut) {
      // A copy of its own, so that a byte read too many is seen.
      const std::string piece(bytes.substr(decoded.consumed, cut - decoded.consumed));
      const http::BodyDecoder::Result result = decoder.decode(piece);
      require(result.consumed <= piece.size(), "no more is consumed than there is");
      decoded.fault = result.fault;
      decoded.data += result.part.data;
      decoded.consumed += result.consumed;
    }
  }
  if (decoded.fault != http::Fault::kNone)
    return {.fault = decoded.fault, .ended = {}, .data = {}, .consumed = {}, .trailers = {}};
  decoded.ended = decoder.ended();
  if (decoded.ended) decoded.trailers = lines_of(decoder.trailers());
  require(decoder.received() == decoded.data.size(), "what is received is counted");
  require(decoder.received() <= limit, "the limit holds");
  return decoded;
}

// As the codec does: each piece a chunk.
std::string encode(std::string_view data, const std::vector<std::size_t>& cuts) {
  std::string out;
  http::BodyEncoder encoder;
  encoder.start(http::BodyFraming::kChunked, 0);
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    http::BodyEncoder::Frame frame;
    const std::string_view piece = data.substr(begin, cut - begin);
    require(encoder.frame(piece.size(), cut == data.size(), frame) == http::Fault::kNone, "a slice can be framed");
    out += frame.before;
    out += piece;
    out += frame.after;
    begin = cut;
  }
  require(encoder.ended(), "the last slice ends it");
  return out;
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const fuzz::Input input = fuzz::split_input(data, size);
  const std::vector<std::size_t> cuts = fuzz::cuts_of(input);
  const std::uint64_t limit = input.choice % 2 == 0 ? config::kUnlimited : input.choice;
  fuzz::require(fuzz::decode(input.bytes, {input.bytes.size()}, limit) == fuzz::decode(input.bytes, cuts, limit),
                "cuts do not matter");

  const std::string encoded = fuzz::encode(input.bytes, cuts);
  const fuzz::Decoded decoded = fuzz::decode(encoded + "next", {encoded.size() + 4}, config::kUnlimited);
  fuzz::require(decoded.ended && decoded.data == input.bytes, "what we encode is what was given");
  fuzz::require(decoded.consumed == encoded.size(), "it ends where we end");
  return 0;
}
