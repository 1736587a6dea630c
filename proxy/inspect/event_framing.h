// Confined to one worker. Server-sent events as they come in pieces (WHATWG HTML 9.2.6): lines end with LF, CRLF or CR,
// comments count for nothing. An event's data is passed on as it comes and is never kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::proxy {

// Of the first line: where its line feed or carriage return stands; npos: it has none.
std::size_t line_end(std::string_view bytes);

class EventFraming {
 public:
  class Sink {
   public:
    // A part of the data of the event that is under way; its lines come with a line feed between them.
    virtual void on_event_data(std::string_view piece) = 0;
    // The event is over. `name`: of its last `event` field, cut after kMaxName bytes; empty: it had none.
    virtual void on_event(std::string_view name) = 0;
    // Both at once, of an event that is there as a whole: what most are.
    virtual void on_whole_event(std::string_view data, std::string_view name) {
      on_event_data(data);
      on_event(name);
    }

   protected:
    ~Sink() = default;
  };

  static constexpr std::size_t kMaxName = 48;

  void begin() { *this = EventFraming(); }
  void feed(std::string_view bytes, Sink& sink);
  // The stream is over. An event that no empty line ends is one all the same: servers leave it out.
  void end(Sink& sink);
  // Of the event that is under way, as far as it has come.
  std::string_view name() const { return {name_.data(), name_size_}; }

 private:
  enum class Part : std::uint8_t { kFieldName, kSpace, kValue };
  enum class Field : std::uint8_t { kOther, kData, kEvent };

  bool take_whole_event(std::string_view& bytes, std::size_t line, Sink& sink);
  void take(std::string_view part, Sink& sink);
  void name_field(Sink& sink);
  void end_line(Sink& sink);
  void dispatch(Sink& sink);

  Part part_ = Part::kFieldName;
  Field field_ = Field::kOther;
  bool after_cr_ = false;
  bool blank_ = true;  // nothing of this line has come
  bool first_line_ = true;
  bool has_data_ = false;
  std::uint8_t field_size_ = 0;  // one more than fits: no name that is known
  std::uint8_t name_size_ = 0;
  std::array<char, 8> field_name_{};  // a byte order mark and "event"
  std::array<char, kMaxName> name_{};
};

}  // namespace weir::proxy
