// Confined to one worker. Changes what a JSON request asks for, as it passes on its way to an origin: what a version's
// model is called, and that a stream says its tokens. Nothing is kept back or stored, so a body may be of any size.
//
// A body whose length is said before it becomes longer by growth(), whatever it turns out to hold: what no change needs
// is spaces behind it, which mean nothing in JSON (RFC 8259 2). No name of a model passes that was to be another: where a
// request has several and there is no room for all of them, the last ones are empty.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/inspect/body_filter.h"
#include "proxy/inspect/request_scan.h"

namespace weir::proxy {

class RequestEditor final : public BodyFilter {
 public:
  struct Wishes {
    bool include_usage = false;   // of streams
    std::string_view model = {};  // as a JSON string, quotes included; outlives the request. Empty: as it is
    bool length_said = false;     // before the body
  };

  // For a request from its beginning, the same one again among them.
  void begin(const Wishes& wishes);
  // Bytes that the body becomes longer by.
  std::uint64_t growth() const { return wishes_.length_said ? growth_ : 0; }
  // The client had not asked for a stream's tokens, and now they are asked for.
  bool usage_added() const { return usage_added_; }

  void take(const http::BodyEvent& slice) override;
  bool pending() const override;
  http::BodyEvent next() override;

 private:
  void react(const RequestScan::Found& found);
  void on_value(const RequestScan::Found& found);
  void on_value_end(Member member);
  void put_model();
  void on_object_end(const RequestScan::Found& found);
  bool fits(std::string_view text) const { return !wishes_.length_said || text.size() <= room_; }
  bool put(std::string_view text);
  bool filled() const { return !slice_.end || !wishes_.length_said || room_ == 0; }
  http::BodyEvent piece(std::string_view data);

  RequestScan scan_;
  Wishes wishes_;
  http::BodyEvent slice_;    // `data`: what of it has not been sent
  std::string_view put_;     // goes out next
  std::uint64_t growth_ = 0;
  std::uint64_t room_ = 0;   // bytes of it that nothing has taken yet, and those that were left out
  bool pending_ = false;
  bool leaving_out_ = false;
  bool streams_ = false;
  bool has_options_ = false;
  bool asked_ = false;  // the stream options speak of the usage
  bool usage_added_ = false;
};

}  // namespace weir::proxy
