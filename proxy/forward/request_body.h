// Confined to one worker. A request's body as an origin gets it: what is read of it is kept, up to a limit and with the
// head before it, until nothing can be sent again, so that a second origin gets the same from its beginning.
//
// A body that has to be looked into before it is known where it goes is kept here as far as it was looked at, and read
// again by whoever sends it.
#pragma once

#include <cstddef>

#include "proxy/downstream/downstream_stream.h"
#include "proxy/http/message_stream.h"
#include "proxy/inspect/request_reader.h"
#include "proxy/net/buffer_pool.h"

namespace weir::proxy {

// Who sees a body as it is read for the first time.
class BodyWatcher {
 public:
  // A part of it; the view is valid for this call alone. `trailers`: nothing but these comes behind it; null: more does.
  virtual void on_body(std::string_view data, const http::FieldList* trailers) = 0;

 protected:
  ~BodyWatcher() = default;
};

class RequestBody final : public http::BodySource {
 public:
  RequestBody(DownstreamStream& stream, BufferPool& buffers) : stream_(stream), buffers_(buffers) {}

  // Before anything is sent: the next slice, which is read again by read_body(). What has been looked at is kept until
  // it is sent, however long it is. Fails with kNoResources when there is no memory left to keep it in.
  http::BodyEvent look();
  // There is nothing left to look at.
  bool end_seen() const { return end_came_; }
  // From now on `reader`, which outlives this, is shown what nobody has seen yet. Null: nobody is.
  void show_to(RequestReader* reader) { reader_ = reader; }
  // Bytes looked at.
  std::size_t looked_at() const { return kept_.size(); }
  // Before anything is sent: keeps up to `limit` bytes of the body. What is longer is sent once.
  void keep(std::uint64_t limit);
  // Before anything is sent: `watcher`, which outlives this, sees all of it from its first byte on, each byte once.
  void show(BodyWatcher& watcher);
  // Nothing will be sent again: gives the room back. Not while a sink is sending() a slice from here.
  void forget();

  // The head and all that has been read of the body are still there.
  bool replayable() const { return !stream_.head_released(); }
  // The next slice is the first one again.
  void rewind();

  // Some of it was asked for, once at least: the client has been told to go on.
  bool asked() const { return asked_; }
  // Nothing more is to be read, since the start or the last rewind().
  bool ended() const { return asked_ ? given_end_ : stream_.request_ended(); }
  http::BodyEvent read_body() override;
  const http::FieldList& trailers() const override { return stream_.trailers(); }

 private:
  void store(std::string_view data);
  void append(std::string_view data);

  DownstreamStream& stream_;
  BufferPool& buffers_;
  RequestReader* reader_ = nullptr;
  BodyWatcher* watcher_ = nullptr;
  ReadBuffer kept_;
  std::size_t at_ = 0;       // what of it has been given since the last rewind()
  std::uint64_t limit_ = 0;  // bytes; 0: nothing is kept but what was looked at
  bool asked_ = false;
  bool end_came_ = false;   // from the client
  bool given_end_ = false;  // since the last rewind()
};

}  // namespace weir::proxy
