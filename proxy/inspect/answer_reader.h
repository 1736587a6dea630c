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
#include "base/json_scan.h"
#include "config/inspect.h"
#include "proxy/inspect/answer_facts.h"
#include "proxy/inspect/body_observer.h"
#include "proxy/inspect/event_framing.h"
#include "proxy/inspect/output_check.h"
#include "proxy/inspect/vocabulary.h"

namespace weir::proxy {

class AnswerReader final : public BodyObserver, private EventFraming::Sink, private json::Scan::Sink {
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
    MessageType type = MessageType::kOther;
    FinishReason finish = FinishReason::kNone;
    FinishReason incomplete = FinishReason::kNone;
    std::size_t model_size = 0;  // of model_
    Usage usage;
  };

  void on_event_data(std::string_view piece) override;
  void on_event(std::string_view name) override;
  void on_text(int path, std::string_view piece, bool end) override;
  void on_number(int path, double number) override;
  void on_boolean(int path, bool value) override;
  void on_object(int path) override;
  void on_object_end(int path, std::size_t members) override;

  static Framing framing_of(const http::ResponseHead& head);
  void read_usage_headers(const http::ResponseHead& head);
  void feed_lines(std::string_view data);
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

  json::Scan scan_;
  OutputCheck check_;
  EventFraming framing_;
  AnswerFacts facts_;
  Message message_;

  Framing kind_ = Framing::kNone;
  Dialects dialects_ = 0;  // those that it may be in
  Dialects told_ = 0;      // those that it showed itself to be in
  bool named_ = false;     // the plan says which
  bool unreadable_ = false;
  bool last_word_ = false;  // what comes behind it is no part of the answer
  bool has_content_ = false;
  bool json_asked_ = false;
  HashStream* words_ = nullptr;  // null: nobody wants to know
  Voice voice_ = Voice::kNone;   // of the last of them
  std::uint64_t now_us_ = 0;
  std::size_t message_size_ = 0;
  std::array<char, 8> message_start_{};
  IdSink* id_sink_ = nullptr;  // null: nobody asks
  std::array<char, 64> model_{};
  // A word that comes in parts.
  std::array<char, 128> word_{};
  std::size_t word_size_ = 0;
};

}  // namespace weir::proxy
