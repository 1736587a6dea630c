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

class Inspection {
 public:
  // For another attempt at a request, or another request.
  AnswerReader& begin(config::Inspect inspect) {
    edited_ = false;
    reader_.begin(inspect);
    return reader_;
  }
  const AnswerReader& reader() const { return reader_; }

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
  bool edited_ = false;
};

using Inspections = Spares<Inspection>;

}  // namespace weir::proxy
