// Confined to one worker. Message bodies in and out (RFC 9112 6 and 7), without copying a byte of data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http/fault.h"
#include "proxy/http/field_changes.h"
#include "proxy/http/field_scanner.h"
#include "proxy/http/head.h"
#include "proxy/http/head_buffer.h"
#include "proxy/http/name_set.h"

namespace weir::http {

// A slice of the input, and whether the body ends with it. `data` may be empty.
struct BodyPart {
  std::string_view data;
  bool end = false;
};

class BodyDecoder {
 public:
  struct Result {
    std::size_t consumed = 0;  // of the input; never touches what follows the body
    BodyPart part;
    Fault fault = Fault::kNone;
  };

  // `limit`: bytes of data that the body may have (kUnlimited for responses). kBodyTooLarge at once when the length is
  // known to exceed it.
  Fault start(BodyFraming framing, std::uint64_t content_length, std::uint64_t limit);
  // Another limit from here on, be some of the body read or not. kBodyTooLarge as at the start.
  Fault set_limit(std::uint64_t limit);

  // After start(): trailer fields that are not to be forwarded either.
  void withhold(const NameSet& nominated) { withheld_ = nominated; }

  // Takes up to the end of the next slice of data. Call again with the rest until the end has come or the input is used
  // up. A body of kNone, or of length 0, has ended() from the start and needs no call.
  Result decode(std::string_view input);

  // The peer has closed: kNone if that ends the body (until-close), else kTruncatedBody.
  Fault finish_at_eof();

  bool ended() const { return state_ == State::kEnded; }
  // Whatever comes next is data.
  bool plain() const { return state_ == State::kLength || state_ == State::kUntilClose; }
  // Bytes of data so far.
  std::uint64_t received() const { return received_; }
  // Valid once ended, up to the next start(): the trailer fields that may be forwarded (RFC 9110 6.5.1).
  const FieldList& trailers() const { return trailers_; }

 private:
  enum class State : std::uint8_t {
    kEnded,
    kLength,
    kUntilClose,
    kChunkSize,
    kChunkExtension,
    kChunkLineLf,
    kChunkData,
    kChunkDataCr,
    kChunkDataLf,
    kTrailers,
    kFailed,
  };

  Result take_data(std::string_view input, std::uint64_t available);
  Fault scan_framing(std::string_view input, std::size_t& at);
  Fault chunk_size_byte(char c);
  Fault chunk_extension_byte(char c);
  Fault end_chunk_line();
  Fault take_trailers(std::string_view input, std::size_t& at);

  State state_ = State::kEnded;
  std::uint8_t digits_ = 0;
  std::uint16_t extension_bytes_ = 0;   // of this chunk line
  std::uint32_t extension_excess_ = 0;  // bytes of extensions since data last outweighed them
  std::uint64_t remaining_ = 0;         // of the body (kLength) or the chunk
  std::uint64_t received_ = 0;
  std::uint64_t limit_ = 0;
  FieldScanner trailer_scanner_{kTrailerLimits};
  std::string trailer_bytes_;  // trailers alone are copied: they may span reads
  FieldList trailers_;
  NameSet withheld_;

  static constexpr FieldLimits kTrailerLimits{.field = 4 * 1024, .fields = 8 * 1024, .count = 32};
};

// Frames the data of an outgoing body: write `before`, the data, `after` in one gathered write.
class BodyEncoder {
 public:
  struct Frame {
    std::string_view before;
    std::string_view after;
  };

  // `changes` hold for the trailers too, and are kept until the body has ended.
  void start(BodyFraming framing, std::uint64_t content_length, const FieldChanges* changes = nullptr);

  // For `size` bytes of data; `end` when the body ends with them and has no trailers. The views are valid until the
  // next call. A body of kLength that gets more or fewer bytes than declared gives kTruncatedBody: cut the connection.
  Fault frame(std::size_t size, bool end, Frame& out);
  // Ends a body that has trailers; a framing that cannot carry them leaves them out.
  Fault finish(const FieldList& trailers, HeadBuffer& out);

  bool ended() const { return ended_; }
  BodyFraming framing() const { return framing_; }

 private:
  BodyFraming framing_ = BodyFraming::kNone;
  bool ended_ = true;
  std::uint64_t remaining_ = 0;
  const FieldChanges* changes_ = nullptr;
  std::array<char, 20> line_{};
};

// Trailer fields that are never forwarded: framing, routing, authentication, request and response control, and what
// proxies say of a message.
bool forbidden_in_trailers(std::string_view name);

}  // namespace weir::http
