// Pure functions, and a plain value. Heads out: from parsed fields plus an overlay of edits, never from bytes that were
// not parsed.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/http/field_changes.h"
#include "proxy/http/head.h"
#include "proxy/http/head_buffer.h"

namespace weir::http {

// What we change in a head, without touching the parsed one. The caller keeps the strings alive until it is written.
class Edits {
 public:
  static constexpr std::size_t kMaxAdded = 12;

  struct Added {
    std::string_view name;
    std::string_view value;
    std::string_view more;  // a further list element, written after ", " (or alone when value is empty)
  };

  // Leaves out every received field with that name.
  void drop(FieldId id) { dropped_ |= field_bit(id); }
  // Adds a line after the received ones. At most kMaxAdded; a further one is ignored and asserted against.
  void add(std::string_view name, std::string_view value, std::string_view more = {}) {
    assert(count_ < kMaxAdded);
    if (count_ < kMaxAdded) added_[count_++] = {name, value, more};
  }
  // drop() and add() in one.
  void set(FieldId id, std::string_view name, std::string_view value, std::string_view more = {}) {
    drop(id);
    add(name, value, more);
  }
  // Host for a request that came without authority (HTTP/1.0). Otherwise the authority received is sent on.
  void set_fallback_host(std::string_view host) { fallback_host_ = host; }

  // Another target and authority for a request than it came with; empty: no other.
  void set_path(std::string_view path) { path_ = path; }
  void set_host(std::string_view host) { host_ = host; }
  // A body whose length is said becomes longer by so many bytes.
  void lengthen(std::uint64_t bytes) { longer_ = bytes; }
  // What a plan changes beside: in what was received, and where it replaces a name in what is added here, too.
  void change(const FieldChanges& changes) { changes_ = changes.empty() ? nullptr : &changes; }

  bool drops(FieldId id) const { return (dropped_ & field_bit(id)) != 0; }
  FieldMask dropped() const { return dropped_; }
  const Added* begin() const { return added_.data(); }
  const Added* end() const { return added_.data() + count_; }
  std::string_view fallback_host() const { return fallback_host_; }
  std::string_view path() const { return path_; }
  std::string_view host() const { return host_; }
  std::uint64_t longer() const { return longer_; }
  const FieldChanges* changes() const { return changes_; }

 private:
  FieldMask dropped_ = 0;
  std::size_t count_ = 0;
  std::array<Added, kMaxAdded> added_{};
  std::string_view fallback_host_;
  std::string_view path_;
  std::string_view host_;
  std::uint64_t longer_ = 0;
  const FieldChanges* changes_ = nullptr;
};

// What the receiver of a response is and asked for, and whether its connection goes on after it.
struct Receiver {
  int minor_version = 1;
  bool head_request = false;
  bool keep_alive = true;
};

// How a response's body goes on to the client: until-close becomes chunked for an HTTP/1.1 client; chunked becomes
// until-close for an HTTP/1.0 one, which costs it the connection.
BodyFraming outgoing_framing(const ResponseHead& head, const Receiver& receiver);

// Appends a head for an HTTP/1.1 origin, framed as it was received.
void write_request_head(const RequestHead& head, const Edits& edits, HeadBuffer& out);

// Appends a final or an interim head. Pass receiver.keep_alive as it will be: false when outgoing_framing() is
// kUntilClose.
void write_response_head(const ResponseHead& head, const Edits& edits, const Receiver& receiver, HeadBuffer& out);

// "HTTP/1.1 100 Continue" with its empty line: for a request that we ourselves tell to go on.
std::string_view continue_response();

// The standard reason phrase, or an empty one (RFC 9110 15).
std::string_view reason_phrase(int status);

}  // namespace weir::http
