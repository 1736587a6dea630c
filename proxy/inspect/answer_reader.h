// Confined to one worker. Reads what a model server answers, as it passes: server-sent events, JSON by lines, or one
// JSON text, in any of the dialects of vocabulary.h. Its memory does not grow with the answer; once warm it allocates
// nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/json_plain.h"
#include "base/json_scan.h"
#include "config/inspect.h"
#include "proxy/inspect/answer_facts.h"
#include "proxy/inspect/body_observer.h"
#include "proxy/inspect/event_framing.h"
#include "proxy/inspect/output_check.h"
#include "proxy/inspect/vocabulary.h"

namespace weir::proxy {

// Begins with a line of memory: see its members.
class alignas(64) AnswerReader final : public BodyObserver, private EventFraming::Sink, private json::Scan::Sink {
 public:
  AnswerReader();
  ~AnswerReader() override;

  // Told of ids that the answer says, in the order of join_key(), before anybody gets the bytes that say them.
  class IdSink {
   public:
    virtual void on_id(std::uint64_t key) = 0;

   protected:
    ~IdSink() = default;
  };

  // For another answer. What the reader of it asked to be JSON has to be.
  void begin(config::Inspect inspect);
  void expect_json() { json_asked_ = true; }
  // `sink`, which outlives the answer, is told what it is called and which files it tells of.
  void tell_ids(IdSink& sink) { id_sink_ = &sink; }
  // What the model says, tool calls included and reasoning not, is added to `words`, which outlives the answer.
  void show_words(HashStream& words) { words_ = &words; }

  void on_response_head(const http::ResponseHead& head) override;
  void on_data(std::string_view data, std::uint64_t elapsed_us) override;
  void on_end(bool complete) override;

  const AnswerFacts& facts() const { return facts_; }
  // A good response's body that ended without its being known what it was: of another kind, compressed, or in none of
  // the dialects.
  bool unreadable() const { return unreadable_; }

 private:
  enum class Framing : std::uint8_t { kNone, kEvents, kLines, kWhole };

  struct Usage {
    std::optional<double> in;
    std::optional<double> out;
    std::optional<double> total;
    bool of_completion = false;
    double cached = 0;
    double read = 0;
    double written = 0;
    double reasoning = 0;
  };

  // What is known of the JSON text that is under way.
  struct Message {
    bool begun = false;
    bool output = false;   // of any kind
    bool content = false;  // of which something is for the reader
    bool error = false;
    bool capacity = false;
    bool of_request = false;
    bool done = false;
    bool token = false;
    bool token_content = false;
    bool special = false;
    bool counts = false;  // usage_ is of it
    MessageType type = MessageType::kOther;
    FinishReason finish = FinishReason::kNone;
    FinishReason incomplete = FinishReason::kNone;
    std::uint8_t model_size = 0;  // of model_
    std::uint8_t word_size = 0;   // of word_
  };

  void on_event_data(std::string_view piece) override;
  void on_event(std::string_view name) override;
  void on_whole_event(std::string_view data, std::string_view name) override;
  void on_text(int path, std::string_view piece, bool end) override;
  void on_number(int path, double number) override;
  void on_boolean(int path, bool value) override;
  void on_object(int path) override;
  void on_object_end(int path, std::size_t members) override;

  static Framing framing_of(const http::ResponseHead& head);
  void read_usage_headers(const http::ResponseHead& head);
  // Nothing that comes tells anything.
  bool over() const { return last_word_ || facts_.failed(); }
  void feed_lines(std::string_view data);
  // False: it is one for feed_message().
  bool take_plain_message(std::string_view text);
  void begin_message();
  void feed_message(std::string_view piece);
  void end_message();
  void settle_message();
  void settle_usage();

  const Place* concerns(int path, bool tells = true);
  enum class Voice : std::uint8_t { kNone, kText, kCall };
  void show(Voice voice, std::string_view piece);
  void say(std::string_view piece);
  void say_arguments(std::string_view piece);
  void say_delta(std::string_view piece);
  void show_content();
  void on_word(Meaning meaning, std::string_view word);
  void take_type(std::string_view word);
  void count(Meaning meaning, double number);

  // What every event needs stands together: between two events of a stream a thousand others have their turn, and each
  // line of its memory has to be fetched again.
  Framing kind_ = Framing::kNone;
  Dialects dialects_ = 0;  // those that it may be in
  Dialects told_ = 0;      // those that it showed itself to be in
  bool named_ = false;     // the plan says which
  bool unreadable_ = false;
  bool last_word_ = false;  // what comes behind it is no part of the answer
  bool has_content_ = false;
  bool json_asked_ = false;
  Voice voice_ = Voice::kNone;  // of the last of words_
  json::PlainTexts::Source source_;
  Message message_;
  std::uint64_t now_us_ = 0;
  HashStream* words_ = nullptr;  // null: nobody wants to know
  EventFraming framing_;
  AnswerFacts facts_;
  OutputCheck check_;

  // What a message needs that is not plain, or that says what most do not.
  Usage usage_;
  IdSink* id_sink_ = nullptr;  // null: nobody asks
  std::size_t message_size_ = 0;
  std::array<char, 8> message_start_{};
  std::array<char, 64> model_{};
  std::array<char, 128> word_{};  // one that comes in parts
  json::Scan scan_;
};

}  // namespace weir::proxy
