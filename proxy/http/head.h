// Confined to one worker. What a message's head says, parsed and judged. Every view points into the read buffer that
// was scanned (or at a literal) and is valid only while that buffer is neither moved nor reused.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/http/field_list.h"
#include "proxy/http/name_set.h"

namespace weir::http {

enum class BodyFraming : std::uint8_t {
  kNone,
  kLength,  // content_length bytes, 0 included
  kChunked,
  kUntilClose,  // responses only
};

// Hop-by-hop fields, the connection-nominated ones among them (RFC 9110 7.6.1), Content-Length and Transfer-Encoding
// are already dropped from `fields`: framing is regenerated, never copied.
struct RequestHead {
  std::string_view method;
  std::string_view target;     // as received
  std::string_view path;       // "/..." or "*"; from an absolute-form target too
  std::string_view query;      // without its '?'
  bool has_query = false;      // tells "/a?" from "/a"
  std::string_view authority;  // host[:port] of the target or of Host; empty only for an HTTP/1.0 client that sent none
  std::string_view host;       // without port, brackets kept, case as received
  int minor_version = 1;       // -1: not known, of a head that is not whole
  FieldList fields;            // Host is dropped too: it is regenerated from `authority`
  NameSet nominated;           // by Connection, hop-by-hop fields aside: dropped from trailers too
  BodyFraming framing = BodyFraming::kNone;  // kNone, kLength or kChunked
  std::uint64_t content_length = 0;          // for kLength
  bool keep_alive = true;
  bool expect_continue = false;  // HTTP/1.1, with a body, and "Expect: 100-continue"
  // OPTIONS only: what to send upstream, already counted down. The field itself is dropped.
  std::optional<std::uint32_t> max_forwards;
  // OPTIONS that came with Max-Forwards: 0: to be answered here (reply.h), never forwarded.
  bool answer_here = false;

  bool is_head() const { return method == "HEAD"; }
  void clear();
};

struct ResponseHead {
  int status = 0;
  std::string_view reason;
  int minor_version = 1;
  FieldList fields;
  NameSet nominated;
  BodyFraming framing = BodyFraming::kNone;
  std::uint64_t content_length = 0;  // for kLength, and for kNone if length_known (HEAD, 304)
  bool length_known = false;         // Content-Length was given
  bool keep_alive = true;            // the upstream connection may be used again once the body has ended
  std::optional<std::uint32_t> keep_alive_timeout_s;  // "Keep-Alive: timeout=N"

  // 1xx: another head follows for the same request. 101 never gets here: nobody asked for it.
  bool interim() const { return status < 200; }
  void clear();
};

}  // namespace weir::http
