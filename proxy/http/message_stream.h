// Confined to one worker. What a forwarder sees of a message's body, whatever the protocol on the wire: a source to
// take slices from, and a sink to put them into. Nothing here waits; who owns both is woken when something has changed.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "proxy/http/field_list.h"

namespace weir::http {

// A part of a body, as a sink takes it.
struct BodySlice {
  std::string_view data;
  bool end = false;   // of the body
  bool more = false;  // more data is sure to follow at once: the network may wait for it, and fill its packets
};

struct BodyEvent {
  enum class State : std::uint8_t {
    kPending,  // nothing now; a read is under way
    kData,     // `data`, and the end of the body if `end`
    kFailed,   // `error`; nothing more will come
  };
  State state = State::kPending;
  bool end = false;
  std::string_view data;
  Error error;
  bool more = false;  // the next call gives data, without waiting for it
};

inline BodyEvent body_slice(std::string_view data, bool end) { return {BodyEvent::State::kData, end, data, {}, false}; }
inline BodyEvent failed_body(const Error& error) { return {BodyEvent::State::kFailed, false, {}, error, false}; }

class BodySource {
 public:
  // The next slice. The one before dies with this call: a sink must have taken it.
  virtual BodyEvent read_body() = 0;
  // Once the end has come.
  virtual const FieldList& trailers() const = 0;

 protected:
  ~BodySource() = default;
};

class BodySink {
 public:
  // Only while not sending(). Small slices are collected until flush(); a large one must live until !sending().
  virtual void send_body(const BodySlice& slice) = 0;
  virtual void send_trailers(const FieldList& trailers) = 0;  // ends the body
  virtual void flush() = 0;

  virtual bool sending() const = 0;      // the peer takes no more for now
  virtual bool send_failed() const = 0;  // the connection is broken

 protected:
  ~BodySink() = default;
};

}  // namespace weir::http
