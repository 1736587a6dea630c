// Confined to one worker. Takes out of a stream of the OpenAI kind the event that says its tokens and nothing else, for
// a client that had not asked for it: `choices` without an element beside a `usage`. All other bytes pass as they came.
// An event goes out once it is whole; a large one that has a choice, as it comes. Of a larger one without, its beginning
// has to do: where that says tokens and nothing else, none of it goes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_scan.h"
#include "proxy/inspect/body_filter.h"
#include "proxy/inspect/event_framing.h"

namespace weir::proxy {

class UsageFilter final : public BodyFilter, private EventFraming::Sink, private json::Scan::Sink {
 public:
  // Bytes of an event, its line ends included, that are kept until it is whole; and where it has shown no choice in them.
  static constexpr std::size_t kMostEvent = 8 * 1024;
  static constexpr std::size_t kMostDoubtful = 64 * 1024;

  UsageFilter();
  ~UsageFilter() override;

  // For another stream.
  void begin();

  void take(const http::BodyEvent& slice) override;
  bool pending() const override { return pending_; }
  http::BodyEvent next() override;

 private:
  std::string_view take_event(std::string_view& bytes);
  std::string_view take_kept();
  http::BodyEvent piece(std::string_view data);
  enum class Fate : std::uint8_t { kKept, kSent, kTakenOut };
  Fate fate_of(std::string_view event, bool ended);
  bool says_only_usage(std::string_view event, bool ended);

  void on_event_data(std::string_view piece) override;
  void on_event(std::string_view name) override;
  void on_text(int path, std::string_view piece, bool end) override;
  void on_number(int path, double number) override;
  void on_boolean(int path, bool value) override;
  void on_object(int path) override;
  void on_object_end(int path, std::size_t members) override;

  json::Scan scan_;
  EventFraming framing_;
  http::BodyEvent slice_;  // `data`: what of it has not been looked at
  std::string kept_;       // an event's beginning, from the slices before
  std::string sent_;       // what was kept, on its way out
  bool pending_ = false;
  bool passing_ = false;     // what comes of the event is sent
  bool taking_out_ = false;  // or is not
  bool ended_ = false;       // the event, just now
  // Of the line that is under way.
  bool blank_ = true;
  bool after_cr_ = false;
  bool blank_cr_ = false;  // the line that the carriage return ended was blank
  // Of the event that is looked into.
  bool whole_ = false;
  bool usage_ = false;
  bool other_ = false;
  bool error_ = false;
};

}  // namespace weir::proxy
