#include "proxy/http/body.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/limits.h"

namespace weir::http {
namespace {

struct Decoded {
  std::string data;
  bool ended = false;
  Fault fault = Fault::kNone;
  std::size_t consumed = 0;
  std::string trailers;

  bool operator==(const Decoded&) const = default;
};

void PrintTo(const Decoded& decoded, std::ostream* out) {
  *out << decoded.data << " ended " << decoded.ended << " fault " << describe(decoded.fault).code << " consumed "
       << decoded.consumed << " trailers " << decoded.trailers;
}

struct Body {
  BodyFraming framing = BodyFraming::kChunked;
  std::uint64_t length = 0;
  std::uint64_t limit = config::kUnlimited;
};

// The input comes in pieces that end at `cuts`.
Decoded decode(std::string_view input, const Body& body, const std::vector<std::size_t>& cuts) {
  BodyDecoder decoder;
  Decoded decoded;
  decoded.fault = decoder.start(body.framing, body.length, body.limit);
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    while (decoded.fault == Fault::kNone && !decoder.ended() && at < cut) {
      // A copy of its own, so that a slice kept too long is seen by the sanitizer.
      const std::string piece(input.substr(at, cut - at));
      const BodyDecoder::Result result = decoder.decode(piece);
      decoded.data += result.part.data;
      decoded.fault = result.fault;
      at += result.consumed;
    }
  }
  decoded.ended = decoder.ended();
  // Where in the piece a fault stands depends on the cuts.
  decoded.consumed = decoded.fault == Fault::kNone ? at : 0;
  if (decoded.fault != Fault::kNone) decoded.data.clear();
  if (decoded.ended) {
    for (const Field& field : decoder.trailers())
      decoded.trailers += std::string(field.name) + "=" + std::string(field.value) + ";";
  }
  return decoded;
}

Decoded decode_whole(std::string_view input) { return decode(input, {}, {input.size()}); }

TEST(BodyDecoder, TakesAnotherLimitOnItsWay) {
  BodyDecoder length;
  ASSERT_EQ(length.start(BodyFraming::kLength, 10, 20), Fault::kNone);
  length.decode("12345");
  EXPECT_EQ(length.set_limit(10), Fault::kNone);
  EXPECT_EQ(length.set_limit(9), Fault::kBodyTooLarge);
  EXPECT_EQ(length.set_limit(config::kUnlimited), Fault::kNone);
  EXPECT_TRUE(length.decode("67890").part.end);

  BodyDecoder chunks;
  ASSERT_EQ(chunks.start(BodyFraming::kChunked, 0, 20), Fault::kNone);
  chunks.decode("6\r\n123");
  EXPECT_EQ(chunks.set_limit(5), Fault::kBodyTooLarge) << "the chunk is longer";
  EXPECT_EQ(chunks.set_limit(6), Fault::kNone);
  chunks.decode("456");
  EXPECT_EQ(chunks.decode("\r\n1\r\n7").fault, Fault::kBodyTooLarge);

  BodyDecoder none;
  ASSERT_EQ(none.start(BodyFraming::kNone, 0, 20), Fault::kNone);
  EXPECT_EQ(none.set_limit(0), Fault::kNone);
}

TEST(BodyDecoder, TakesChunksAndNothingBehindThem) {
  const Decoded decoded = decode_whole("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\nGET /");
  EXPECT_EQ(decoded.data, "hello world");
  EXPECT_TRUE(decoded.ended);
  EXPECT_EQ(decoded.consumed, 30U);
}

TEST(BodyDecoder, KeepsTrailersThatMayBeForwarded) {
  const Decoded decoded = decode_whole("1\r\na\r\n0\r\nGrpc-Status: 0\r\nContent-Length: 5\r\nX: y\r\n\r\n");
  EXPECT_TRUE(decoded.ended);
  EXPECT_EQ(decoded.trailers, "Grpc-Status=0;X=y;");
}

TEST(BodyDecoder, LeavesOutTrailersThatAreForOthersToSay) {
  for (const char* name : {"Proxy-Authorization", "Authorization", "X-Forwarded-For", "X-Request-Id", "X-Weir-Reason",
                           "Forwarded", "Set-Cookie", "Cookie", "Host", "traceparent", "Authentication-Info"}) {
    const Decoded decoded = decode_whole("0\r\nX: y\r\n" + std::string(name) + ": 1\r\n\r\n");
    EXPECT_EQ(decoded.trailers, "X=y;") << name;
  }
}

// RFC 9110 7.6.1: what the head's Connection has named is for this connection alone.
TEST(BodyDecoder, LeavesOutTrailersThatTheHeadHasNominated) {
  const auto trailers = [](const NameSet& nominated) {
    BodyDecoder decoder;
    EXPECT_EQ(decoder.start(BodyFraming::kChunked, 0, config::kUnlimited), Fault::kNone);
    decoder.withhold(nominated);
    EXPECT_TRUE(decoder.decode("0\r\nX-T: 1\r\nX-U: 2\r\n\r\n").part.end);
    std::string names;
    for (const Field& field : decoder.trailers()) names += std::string(field.name) + ";";
    return names;
  };
  NameSet nominated;
  EXPECT_EQ(trailers(nominated), "X-T;X-U;");
  nominated.add("x-t");
  EXPECT_EQ(trailers(nominated), "X-U;");
  for (int i = 0; i < 300; ++i) nominated.add("n" + std::to_string(i));
  EXPECT_EQ(trailers(nominated), "");  // more than it can tell apart
}

TEST(BodyDecoder, RefusesWhatIsNoChunk) {
  const std::vector<std::pair<std::string, Fault>> cases = {
      {"\r\n", Fault::kBadChunk},
      {"g\r\n", Fault::kBadChunk},
      {"0x5\r\nhello\r\n", Fault::kBadChunk},
      {"5 \r\nhello\r\n", Fault::kBadChunk},
      {"+5\r\nhello\r\n", Fault::kBadChunk},
      {"5\nhello\r\n", Fault::kBadChunk},
      {"5\rhello\r\n", Fault::kBadChunk},
      {"5\r\nhello!\r\n", Fault::kBadChunk},
      {"5\r\nhello\n0\r\n\r\n", Fault::kBadChunk},
      {"5;\x01\r\nhello\r\n", Fault::kBadChunk},
      {"5;" + std::string(300, 'x') + "\r\nhello\r\n", Fault::kBadChunk},
      {"11111111111111111\r\n", Fault::kChunkTooLarge},
      {"0\r\nX : y\r\n\r\n", Fault::kBadTrailer},
      {"0\r\n" + std::string(5'000, 'x') + ": y\r\n\r\n", Fault::kBadTrailer},
  };
  for (const auto& [input, fault] : cases) EXPECT_EQ(decode_whole(input).fault, fault) << input;
}

TEST(BodyDecoder, TakesAnyNumberOfSmallChunks) {
  std::string input;
  for (int i = 0; i < 6'000; ++i) input += "1\r\nx\r\n";
  const Decoded decoded = decode_whole(input + "0\r\n\r\n");
  EXPECT_EQ(decoded.data.size(), 6'000U);
  EXPECT_TRUE(decoded.ended);
}

TEST(BodyDecoder, RefusesExtensionsThatOutweighTheData) {
  std::string input;
  for (int i = 0; i < 200; ++i) input += "1;" + std::string(100, 'e') + "\r\nx\r\n";
  EXPECT_EQ(decode_whole(input + "0\r\n\r\n").fault, Fault::kBadChunk);
}

TEST(BodyDecoder, SaysTheSameHoweverTheBytesAreCut) {
  const std::vector<std::string> inputs = {"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\nGET /",
                                           "1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\nrest",
                                           "5\r\nhello!\r\n",
                                           "0\r\nX : y\r\n\r\n",
                                           "fffffffffffffffff\r\n",
                                           "A\r\n0123456789\r\n"};
  for (const std::string& input : inputs) {
    const Decoded whole = decode_whole(input);
    std::vector<std::size_t> bytewise;
    for (std::size_t i = 1; i <= input.size(); ++i) {
      bytewise.push_back(i);
      EXPECT_EQ(decode(input, {}, {i, input.size()}), whole) << input << " cut at " << i;
    }
    EXPECT_EQ(decode(input, {}, bytewise), whole) << input;
  }
}

TEST(BodyDecoder, TakesALengthAndNotAByteMore) {
  const Decoded decoded = decode("helloGET", {.framing = BodyFraming::kLength, .length = 5}, {2, 8});
  EXPECT_EQ(decoded.data, "hello");
  EXPECT_TRUE(decoded.ended);
  EXPECT_EQ(decoded.consumed, 5U);
}

TEST(BodyDecoder, HoldsTheLimitOfABody) {
  EXPECT_EQ(decode("", {.framing = BodyFraming::kLength, .length = 6, .limit = 5}, {}).fault, Fault::kBodyTooLarge);
  EXPECT_EQ(decode("5\r\nhello\r\n0\r\n\r\n", {.limit = 5}, {15}).fault, Fault::kNone);
  EXPECT_EQ(decode("5\r\nhello\r\n1\r\n!\r\n", {.limit = 5}, {16}).fault, Fault::kBodyTooLarge);
}

TEST(BodyDecoder, KnowsWhetherAnEndOfInputEndsTheBody) {
  BodyDecoder decoder;
  ASSERT_EQ(decoder.start(BodyFraming::kUntilClose, 0, config::kUnlimited), Fault::kNone);
  EXPECT_EQ(decoder.decode("abc").part.data, "abc");
  EXPECT_EQ(decoder.finish_at_eof(), Fault::kNone);
  ASSERT_EQ(decoder.start(BodyFraming::kLength, 5, config::kUnlimited), Fault::kNone);
  EXPECT_EQ(decoder.decode("abc").part.data, "abc");
  EXPECT_EQ(decoder.finish_at_eof(), Fault::kTruncatedBody);
}

TEST(BodyEncoder, FramesChunks) {
  BodyEncoder encoder;
  BodyEncoder::Frame frame;
  encoder.start(BodyFraming::kChunked, 0);
  ASSERT_EQ(encoder.frame(255, false, frame), Fault::kNone);
  EXPECT_EQ(frame.before, "ff\r\n");
  EXPECT_EQ(frame.after, "\r\n");
  ASSERT_EQ(encoder.frame(1, true, frame), Fault::kNone);
  EXPECT_EQ(frame.before, "1\r\n");
  EXPECT_EQ(frame.after, "\r\n0\r\n\r\n");
  EXPECT_TRUE(encoder.ended());
}

TEST(BodyEncoder, NeverSendsMoreOrLessThanItDeclared) {
  BodyEncoder encoder;
  BodyEncoder::Frame frame;
  encoder.start(BodyFraming::kLength, 5);
  EXPECT_EQ(encoder.frame(6, false, frame), Fault::kTruncatedBody);
  encoder.start(BodyFraming::kLength, 5);
  EXPECT_EQ(encoder.frame(4, true, frame), Fault::kTruncatedBody);
  encoder.start(BodyFraming::kLength, 5);
  EXPECT_EQ(encoder.frame(5, true, frame), Fault::kNone);
  EXPECT_TRUE(encoder.ended());
}

}  // namespace
}  // namespace weir::http
