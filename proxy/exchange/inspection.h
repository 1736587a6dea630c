// Confined to one worker. What is done with a request on a route with `inspect`, and with its answer: who reads the
// answer, and what the plan has changed in either.
#pragma once

#include <cstdint>

#include "proxy/exchange/spares.h"
#include "proxy/exchange/topology.h"
#include "proxy/inspect/answer_reader.h"
#include "proxy/inspect/request_editor.h"
#include "proxy/inspect/usage_filter.h"

namespace weir::proxy {

// Keeps the ids of what a version makes.
class CreationNotes final : public AnswerReader::IdSink {
 public:
  void begin(PinTable& table, VersionId version) {
    table_ = &table;
    version_ = version;
  }
  void on_id(std::uint64_t key) override {
    if (table_->move(key, {.version = version_}, std::chrono::steady_clock::now()).forgot) ++forgotten_;
  }
  // Ids that had to make room, since the last time.
  std::uint32_t take_forgotten() { return std::exchange(forgotten_, 0); }

 private:
  PinTable* table_ = nullptr;
  VersionId version_ = kNoId;
  std::uint32_t forgotten_ = 0;
};

class Inspection {
 public:
  // For another attempt at a request, or another request.
  AnswerReader& begin(config::Inspect inspect) {
    edited_ = false;
    reader_.begin(inspect);
    return reader_;
  }
  const AnswerReader& reader() const { return reader_; }
  // What it says that `version` has made is kept in `table`, which outlives the answer.
  void note_creations(PinTable& table, VersionId version) {
    notes_.begin(table, version);
    reader_.tell_ids(notes_);
  }
  std::uint32_t take_forgotten() { return notes_.take_forgotten(); }
  // What the request has asked for, before anything of its answer's body is read.
  void expect_json() { reader_.expect_json(); }

  // For a request with a body that goes to `version`, from its beginning. Null: it goes on as it came.
  BodyFilter* edit(const http::RequestHead& request, const Route& route, const VersionTopology& version);
  // Bytes that its body becomes longer by.
  std::uint64_t growth() const { return edited_ ? editor_.growth() : 0; }
  // For its answer. Null: it goes on as it comes.
  BodyFilter* filter(const http::ResponseHead& head);

 private:
  AnswerReader reader_;
  RequestEditor editor_;
  UsageFilter filter_;
  CreationNotes notes_;
  bool edited_ = false;
};

using Inspections = Spares<Inspection>;

}  // namespace weir::proxy
