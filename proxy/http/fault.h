// Immutable. Everything that can be wrong with bytes that should be an HTTP/1 message, one value each.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace weir::http {

enum class Fault : std::uint8_t {
  kNone = 0,
  // Start line
  kBadMethod,
  kBadTarget,
  kBadVersion,
  kUnsupportedVersion,
  kBadStatusLine,
  kConnect,
  kTrace,
  // Lines and fields
  kBareCr,
  kBareLf,
  kFoldedField,
  kSpaceBeforeColon,
  kBadFieldName,
  kBadFieldValue,
  // Meaning
  kMissingHost,
  kRepeatedHost,
  kBadHost,
  kBadContentLength,
  kRepeatedContentLength,
  kLengthAndEncoding,
  kEncodingInHttp10,
  kBadTransferEncoding,
  kUnknownTransferEncoding,
  kBadMaxForwards,
  kBadExpectation,
  kUnaskedUpgrade,
  kBodyNotAllowed,
  // Body
  kBadChunk,
  kChunkTooLarge,
  kBadTrailer,
  kTruncatedBody,
  // Limits
  kRequestLineTooLong,
  kFieldTooLarge,
  kFieldsTooLarge,
  kTooManyFields,
  kBodyTooLarge,
};
inline constexpr int kFaultCount = static_cast<int>(Fault::kBodyTooLarge) + 1;

// What the client is told when the fault is in its request. In a response every fault is a 502.
struct FaultText {
  int status;
  std::string_view code;    // stable snake_case word: `error.code` and x-weir-reason
  std::string_view reason;  // a sentence for people
};
const FaultText& describe(Fault fault);

// The same as a sided error: kDownstream for a request's fault, kUpstream for a response's. Never to be retried.
Error to_error(Fault fault, Side side);

}  // namespace weir::http
