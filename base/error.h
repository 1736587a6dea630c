// Immutable. An error of the data plane: a value that says whose fault it is and whether a retry is allowed.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace weir {

// Who failed. The analyzer must never blame a version for its client.
enum class Side : std::uint8_t { kDownstream, kUpstream, kInternal };

enum class ErrorKind : std::uint8_t {
  kConnect,      // no upstream connection could be opened
  kTimeout,      // a deadline passed
  kReset,        // the connection broke
  kEof,          // the peer closed before a message began
  kTruncated,    // the peer closed inside a message
  kProtocol,     // bytes that are no valid message
  kTooLarge,     // a limit was reached
  kStatus,       // an answer that was not passed on, because another may do better
  kOverflow,     // a connection or pending limit of ours was reached
  kUnavailable,  // nothing to send the request to
  kNoResources,  // this process lacks what a connection needs: no fault of whom it was to
  kCancelled,    // given up by us: drain, or the other side went away
  kInternal,
};

enum class Retry : std::uint8_t { kNever, kIfUnsent, kIfReusedConnection };

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  Side side = Side::kInternal;
  Retry retry = Retry::kNever;
  // A string literal (never owned): a stable snake_case word for logs, `error.code` and x-weir-reason.
  std::string_view context;
};

// Lets Result<T>::value() throw in tests and start-up code; the data plane checks before it takes.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(std::string(error.context));
}

template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace weir
