#include "proxy/http/fault.h"

#include <array>
#include <cstddef>

namespace weir::http {
namespace {

// In the order of the enumeration.
constexpr std::array<FaultText, kFaultCount> kTexts = {{
    {500, "none", "no fault"},
    {400, "bad_method", "the request method is not a token"},
    {400, "bad_target", "the request target is not valid"},
    {400, "bad_version", "the request line does not end in an HTTP version"},
    {505, "unsupported_version", "only HTTP/1.0 and HTTP/1.1 are spoken here"},
    {400, "bad_status_line", "the status line is not valid"},
    {501, "connect_not_supported", "CONNECT is not supported"},
    {405, "trace_not_allowed", "TRACE is not allowed"},
    {400, "bare_cr", "a carriage return stands without a line feed"},
    {400, "bare_lf", "a line ends without a carriage return"},
    {400, "folded_field", "a field line begins with white space"},
    {400, "space_before_colon", "white space stands before the colon of a field"},
    {400, "bad_field_name", "a field name is not a token"},
    {400, "bad_field_value", "a field value holds a control character"},
    {400, "missing_host", "the Host field is missing"},
    {400, "repeated_host", "there is more than one Host field"},
    {400, "bad_host", "the host is not valid"},
    {400, "bad_content_length", "Content-Length is not one decimal number"},
    {400, "repeated_content_length", "there is more than one Content-Length field"},
    {400, "length_and_encoding", "both Content-Length and Transfer-Encoding are given"},
    {400, "encoding_in_http10", "Transfer-Encoding is not part of HTTP/1.0"},
    {400, "bad_transfer_encoding", "Transfer-Encoding is not exactly chunked"},
    {501, "unknown_transfer_encoding", "the only transfer coding known here is chunked"},
    {400, "bad_max_forwards", "Max-Forwards is not one decimal number"},
    {417, "bad_expectation", "the only expectation known here is 100-continue"},
    {400, "unasked_upgrade", "the protocol was switched without being asked"},
    {400, "body_not_allowed", "a body is declared where none is allowed"},
    {400, "bad_chunk", "the chunked body is not valid"},
    {400, "chunk_too_large", "a chunk size cannot be represented"},
    {400, "bad_trailer", "the trailer section is not valid"},
    {400, "truncated_body", "the body ends before its end"},
    {414, "request_line_too_long", "the request line is too long"},
    {431, "field_too_large", "a field line is too long"},
    {431, "fields_too_large", "the fields are too long"},
    {431, "too_many_fields", "there are too many fields"},
    {413, "body_too_large", "the body is too large"},
}};
static_assert(kTexts.back().status != 0);

ErrorKind kind_of(Fault fault) {
  switch (fault) {
    case Fault::kTruncatedBody:
      return ErrorKind::kTruncated;
    case Fault::kRequestLineTooLong:
    case Fault::kFieldTooLarge:
    case Fault::kFieldsTooLarge:
    case Fault::kTooManyFields:
    case Fault::kBodyTooLarge:
      return ErrorKind::kTooLarge;
    default:
      return ErrorKind::kProtocol;
  }
}

}  // namespace

const FaultText& describe(Fault fault) { return kTexts[static_cast<std::size_t>(fault)]; }

Error to_error(Fault fault, Side side) {
  return {.kind = kind_of(fault), .side = side, .retry = Retry::kNever, .context = describe(fault).code};
}

}  // namespace weir::http
