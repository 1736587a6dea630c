// Pure functions. One HTTP/1 message as two parsers read it: ours, and Boost.Beast's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http/fault.h"

namespace weir::http {

// What a parser makes of bytes after which the peer has closed.
struct Reading {
  enum class State : std::uint8_t { kUnfinished, kDone, kRefused };

  State state = State::kUnfinished;
  Fault fault = Fault::kNone;  // ours, when it refused
  std::string error;           // in words

  // Once done.
  std::string start;  // method and target, or status and reason, and the minor version
  std::vector<std::pair<std::string, std::string>> fields;
  std::string framing;  // "none", "length 5", "chunked" or "close"
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;  // those that may be forwarded
  std::size_t consumed = 0;

  bool operator==(const Reading&) const = default;
};
std::string to_string(const Reading& reading);

enum class Message : std::uint8_t { kRequest, kResponse };

// Ours, with the bytes in pieces that end at `cuts`; the last is the message's size.
Reading read_by_weir(Message kind, std::string_view message, const std::vector<std::size_t>& cuts);
inline Reading read_by_weir(Message kind, std::string_view message) {
  return read_by_weir(kind, message, {message.size()});
}
Reading read_by_beast(Message kind, std::string_view message);

}  // namespace weir::http
