#include "proxy/inspect/answer_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/score.h"
#include "proxy/http/media_type.h"

namespace weir::proxy {
namespace {

constexpr std::string_view kLastWord = "[DONE]";

bool has_content(std::string_view text) { return text.find_first_not_of(" \t\r\n") != std::string_view::npos; }

std::uint64_t count_of(double number) {
  constexpr double kMost = 1e15;
  return number > 0 ? static_cast<std::uint64_t>(std::min(number, kMost)) : 0;
}

std::optional<double> number_of(const http::Field* field) {
  std::uint64_t number = 0;
  if (field == nullptr) return std::nullopt;
  const char* const end = field->value.data() + field->value.size();
  const auto [at, error] = std::from_chars(field->value.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return static_cast<double>(number);
}

// Of all answers that a worker reads: one stream says what another one says.
json::PlainTexts& plain_texts() {
  thread_local json::PlainTexts texts(paths());
  return texts;
}

}  // namespace

AnswerReader::AnswerReader() : scan_(paths(), *this) {}

AnswerReader::~AnswerReader() = default;

void AnswerReader::begin(config::Inspect inspect) {
  dialects_ = dialects_of(inspect);
  named_ = inspect != config::Inspect::kAuto;
  json_asked_ = false;
  id_sink_ = nullptr;
  words_ = nullptr;
  kind_ = Framing::kNone;
  facts_ = {};
  unreadable_ = false;
}

void AnswerReader::on_response_head(const http::ResponseHead& head) {
  facts_ = {};
  message_ = {};
  framing_.begin();
  told_ = 0;
  check_.begin();
  last_word_ = has_content_ = false;
  voice_ = Voice::kNone;
  source_.strangeness = 0;
  message_size_ = 0;
  kind_ = Framing::kNone;
  unreadable_ = false;
  // What a status says is known without its body.
  if (head.status < 200 || head.status > 299 || head.framing == http::BodyFraming::kNone) return;
  kind_ = framing_of(head);
  unreadable_ = kind_ == Framing::kNone;
  facts_.streamed = kind_ == Framing::kEvents || kind_ == Framing::kLines;
  facts_.known = facts_.streamed && named_;
  if (kind_ == Framing::kWhole && (dialects_ & kTgi) != 0) read_usage_headers(head);
}

AnswerReader::Framing AnswerReader::framing_of(const http::ResponseHead& head) {
  const http::Field* const encoding = head.fields.find("content-encoding");
  if (encoding != nullptr && !http::equal_ignoring_case(encoding->value, "identity")) return Framing::kNone;
  const std::string_view type = http::media_type(head.fields);
  const auto is = [type](std::string_view name) { return http::equal_ignoring_case(type, name); };
  if (is("text/event-stream")) return Framing::kEvents;
  if (is("application/json")) return Framing::kWhole;
  if (is("application/x-ndjson") || is("application/ndjson") || is("application/jsonl")) return Framing::kLines;
  return Framing::kNone;
}

// TGI says in fields of a whole answer what its body has only on demand.
void AnswerReader::read_usage_headers(const http::ResponseHead& head) {
  const std::optional<double> in = number_of(head.fields.find("x-prompt-tokens"));
  const std::optional<double> out = number_of(head.fields.find("x-generated-tokens"));
  if (in) facts_.tokens_in = count_of(*in);
  if (out) facts_.tokens_out = count_of(*out);
}

void AnswerReader::on_data(std::string_view data, std::uint64_t elapsed_us) {
  now_us_ = std::max<std::uint64_t>(1, elapsed_us);
  if (kind_ == Framing::kEvents) {
    framing_.feed(data, *this);
  } else if (kind_ == Framing::kLines) {
    feed_lines(data);
  } else if (kind_ == Framing::kWhole) {
    feed_message(data);
  }
}

void AnswerReader::on_end(bool complete) {
  if (kind_ == Framing::kNone) return;
  if (kind_ == Framing::kEvents) {
    framing_.end(*this);
  } else {
    end_message();
  }
  if (told_ != 0) facts_.known = true;
  unreadable_ = complete && !facts_.known;
  if (!facts_.known) facts_ = {};
  if (!complete || !facts_.known || facts_.ending != Ending::kOpen) return;
  const Dialects dialect = named_ ? dialects_ : told_;
  const bool ended = last_word_ || facts_.finish != FinishReason::kNone || (dialect & kWithLastWord) == 0;
  if (facts_.streamed && !ended) {
    facts_.ending = Ending::kTruncated;
    return;
  }
  facts_.ending = Ending::kOk;
  facts_.invalid = check_.broken();
  // Some answers are no text, as embeddings are; some are none at all, as when Ollama loads a model.
  const bool known_end = facts_.finish != FinishReason::kNone && facts_.finish != FinishReason::kOther;
  // `[DONE]` alone: a stream of text whose model, or a gateway before it, has swallowed all the rest.
  const bool wrote = known_end || (last_word_ && facts_.finish == FinishReason::kNone);
  facts_.empty = wrote && !has_content_;
  if (json_asked_ && (facts_.empty || (wrote && check_.has_choice_without_content()))) facts_.invalid = true;
}

void AnswerReader::feed_lines(std::string_view data) {
  while (!data.empty()) {
    const std::size_t end = data.find('\n');
    const std::string_view line = data.substr(0, end);
    const bool whole = end != std::string_view::npos && !message_.begun;
    if (!whole || !take_plain_message(line)) {
      feed_message(line);
      if (end == std::string_view::npos) return;
      end_message();
    }
    data.remove_prefix(end + 1);
  }
}

void AnswerReader::on_event_data(std::string_view piece) { feed_message(piece); }

void AnswerReader::on_event(std::string_view name) {
  if (message_.begun) take_type(name);
  end_message();
}

void AnswerReader::on_whole_event(std::string_view data, std::string_view name) {
  if (take_plain_message(data)) return;
  on_event_data(data);
  on_event(name);
}

// Just as it would be taken piece by piece.
bool AnswerReader::take_plain_message(std::string_view text) {
  if (over()) return false;
  begin_message();
  const bool plain = plain_texts().tell(text, source_, *this);
  message_.begun = false;
  if (!plain) return false;
  if (kind_ == Framing::kEvents) take_type(framing_.name());
  facts_.begun = true;
  settle_message();
  return true;
}

void AnswerReader::begin_message() {
  message_ = {};
  message_.begun = true;
  // Servers differ in whether `type` stands before what it is the type of; the event's name mostly does.
  if (kind_ == Framing::kEvents) take_type(framing_.name());
}

void AnswerReader::feed_message(std::string_view piece) {
  if (over()) return;
  if (!message_.begun) {
    if (kind_ == Framing::kLines && !has_content(piece)) return;
    begin_message();
    message_size_ = 0;
    scan_.begin();
  }
  if (message_size_ < message_start_.size()) {
    const std::size_t fits = std::min(piece.size(), message_start_.size() - message_size_);
    std::copy_n(piece.data(), fits, message_start_.data() + message_size_);
  }
  message_size_ += piece.size();
  scan_.feed(piece);
}

void AnswerReader::end_message() {
  if (!std::exchange(message_.begun, false)) return;
  facts_.begun = true;
  if (scan_.end()) return settle_message();
  const bool done =
      message_size_ == kLastWord.size() && std::string_view(message_start_.data(), kLastWord.size()) == kLastWord;
  if (kind_ != Framing::kEvents || !done || (dialects_ & kOpenAi) == 0) {
    // An answer that is one text, and is none.
    if (kind_ == Framing::kWhole) told_ = 0;
    check_.doubt();
    return;
  }
  told_ |= kOpenAi;
  last_word_ = true;
}

void AnswerReader::settle_message() {
  // Where the plan says whose words they are, output in a word that any JSON may have is output.
  if (named_ && message_.output) told_ |= dialects_;
  if (told_ != 0) facts_.known = true;
  if (message_.token && !message_.special) {
    message_.output = true;
    if (message_.token_content) message_.content = true;
  }
  if (message_.content) has_content_ = true;
  if (message_.output) {
    if (facts_.outputs++ == 0) facts_.first_output_us = now_us_;
    facts_.last_output_us = now_us_;
  }
  if (message_.counts) settle_usage();
  if (message_.model_size != 0 && facts_.model_size == 0) {
    facts_.model_space = model_;
    facts_.model_size = message_.model_size;
  }
  if (message_.finish != FinishReason::kNone) facts_.finish = message_.finish;
  if (message_.type == MessageType::kCompleted || message_.type == MessageType::kIncomplete) {
    const bool cut = message_.type == MessageType::kIncomplete;
    const FinishReason why = message_.incomplete == FinishReason::kNone ? FinishReason::kLength : message_.incomplete;
    facts_.finish = cut ? why : FinishReason::kStop;
    message_.done = true;
  }
  if (message_.type == MessageType::kCallEnds) check_.end_call();
  if (message_.type == MessageType::kStop) message_.done = true;
  if (message_.done && facts_.finish == FinishReason::kNone) facts_.finish = FinishReason::kStop;
  if (message_.type == MessageType::kError || message_.finish == FinishReason::kError) message_.error = true;
  // In a text of some kind an `error` may be anything's. A stream that says the word has nothing else to say.
  if (message_.error && (named_ || told_ != 0 || facts_.streamed)) {
    facts_.known = true;
    facts_.ending = message_.capacity ? Ending::kCapacity : Ending::kError;
    facts_.of_request = message_.of_request && !message_.capacity;
    told_ |= dialects_;
  }
  if (message_.done) last_word_ = true;
}

// The last one counts. Some servers of the OpenAI kind send parts of one, which count for nothing; Anthropic says its
// halves apart, and beside them what went through a cache.
void AnswerReader::settle_usage() {
  const Usage& usage = usage_;
  if (usage.of_completion && (!usage.in || (!usage.out && !usage.total))) return;
  if (usage.in) {
    facts_.tokens_in = count_of(*usage.in + usage.read + usage.written);
    facts_.tokens_cached = count_of(usage.cached + usage.read);
  }
  if (usage.out) {
    facts_.tokens_out = count_of(*usage.out);
    facts_.tokens_reasoning = count_of(usage.reasoning);
  } else if (usage.in && usage.total) {
    facts_.tokens_out = count_of(*usage.total - *usage.in);
  }
}

// Of a text only its end tells: whether a part of one comes before a byte that is no JSON depends on the cuts.
const Place* AnswerReader::concerns(int path, bool tells) {
  const Place& at = place(path);
  if ((at.dialects & dialects_) == 0) return nullptr;
  if (at.telling && tells) told_ = static_cast<Dialects>(told_ | (at.dialects & dialects_));
  return &at;
}

void AnswerReader::on_text(int path, std::string_view piece, bool end) {
  const Place* const at = concerns(path, end);
  if (at == nullptr) return;
  switch (at->meaning) {
    case Meaning::kText:
      return say(piece);
    case Meaning::kToolArguments:
      return say_arguments(piece);
    case Meaning::kDelta:
      return say_delta(piece);
    case Meaning::kThinking:
      if (!piece.empty()) message_.output = true;
      return;
    case Meaning::kMedia:
    case Meaning::kToolName:
      show(Voice::kCall, piece);
      if (!piece.empty()) show_content();
      return;
    case Meaning::kToken:
      if (!piece.empty()) message_.token = true;
      if (has_content(piece)) message_.token_content = true;
      return;
    case Meaning::kGenerated:
      message_.done = true;
      // A stream's tokens were output each by itself.
      if (facts_.streamed) show(Voice::kText, piece);
      if (facts_.streamed && json_asked_) check_.add_text(piece);
      if (!facts_.streamed) say(piece);
      if (end && facts_.finish == FinishReason::kNone && message_.finish == FinishReason::kNone) {
        message_.finish = FinishReason::kStop;
      }
      return;
    // Each event of a stream says them again.
    case Meaning::kModel:
      if (facts_.model_size != 0) return;
      break;
    case Meaning::kId:
      if (facts_.id != 0) return;
      break;
    default:
      break;
  }
  // A word: what is longer than any is none of them.
  std::uint8_t& size = message_.word_size;
  if (end && size == 0) return on_word(at->meaning, piece.substr(0, word_.size()));
  const std::size_t fits = std::min(piece.size(), word_.size() - size);
  std::copy_n(piece.data(), fits, word_.data() + size);
  size = static_cast<std::uint8_t>(size + fits);
  if (!end) return;
  on_word(at->meaning, {word_.data(), std::exchange(size, std::uint8_t{0})});
}

// However the pieces are cut; where text and calls take turns is part of what is said.
void AnswerReader::show(Voice voice, std::string_view piece) {
  if (words_ == nullptr || piece.empty()) return;
  constexpr std::string_view kTurn{"\0", 1};
  if (std::exchange(voice_, voice) != voice) words_->add(kTurn);
  words_->add(piece);
}

void AnswerReader::say(std::string_view piece) {
  if (piece.empty()) return;
  show(Voice::kText, piece);
  message_.output = true;
  if (has_content(piece)) show_content();
  if (json_asked_) check_.add_text(piece);
}

void AnswerReader::say_arguments(std::string_view piece) {
  if (piece.empty()) return;
  show(Voice::kCall, piece);
  show_content();
  check_.add_arguments(piece);
}

void AnswerReader::say_delta(std::string_view piece) {
  if (piece.empty()) return;
  message_.output = true;
  if (message_.type == MessageType::kText) return say(piece);
  if (message_.type == MessageType::kArguments) return say_arguments(piece);
  if (message_.type == MessageType::kThinking) return;
  show(Voice::kText, piece);
  // Of a type that stands behind it, or is not known.
  if (message_.type == MessageType::kOther) check_.doubt();
  if (has_content(piece)) show_content();
}

// Something for its reader.
void AnswerReader::show_content() {
  message_.output = message_.content = true;
  check_.note_content();
}

void AnswerReader::on_word(Meaning meaning, std::string_view word) {
  if (word.empty()) return;
  switch (meaning) {
    case Meaning::kId:
      // What fills the space may go on beyond it.
      if (word.size() == word_.size()) return;
      facts_.id = join_key(JoinKind::kResponse, word);
      if (id_sink_ != nullptr) id_sink_->on_id(facts_.id);
      return;
    case Meaning::kFileId:
      if (id_sink_ != nullptr && word.size() < word_.size()) id_sink_->on_id(join_key(JoinKind::kResponse, word));
      return;
    case Meaning::kType:
      return take_type(word);
    case Meaning::kObject:
      if (word == "error") message_.error = true;
      return;
    case Meaning::kError:
      message_.error = true;
      return;
    case Meaning::kErrorCode:
      if (names_capacity(word)) message_.capacity = true;
      if (names_request(word)) message_.of_request = true;
      return;
    case Meaning::kFinish:
      message_.finish = finish_reason(word);
      return;
    case Meaning::kIncomplete:
      message_.incomplete = finish_reason(word);
      return;
    case Meaning::kModel:
      message_.model_size = static_cast<std::uint8_t>(std::min(word.size(), model_.size()));
      std::copy_n(word.begin(), message_.model_size, model_.begin());
      return;
    case Meaning::kStatus:
      // Of a whole response; the events of a stream have types.
      if (facts_.streamed) return;
      if (word == "completed") message_.type = MessageType::kCompleted;
      if (word == "incomplete") message_.type = MessageType::kIncomplete;
      if (word == "failed") message_.error = true;
      return;
    default:
      return;
  }
}

void AnswerReader::take_type(std::string_view word) {
  if (word.empty()) return;
  const auto dialects = static_cast<Dialects>(typical_of(word) & dialects_);
  if (dialects == 0) return;
  message_.type = message_type(word);
  // Whoever else sends events has one called `error`.
  if (message_.type != MessageType::kError) told_ |= dialects;
}

void AnswerReader::on_number(int path, double number) {
  const Place* const at = concerns(path);
  if (at == nullptr) return;
  switch (at->meaning) {
    case Meaning::kMedia:
      return show_content();
    case Meaning::kErrorCode:
      if (number == 429 || number == 529) message_.capacity = true;
      if (number >= 400 && number < 500 && number != 429) message_.of_request = true;
      return;
    case Meaning::kChoice:
      if (facts_.streamed) check_.number_choice(number);
      return;
    case Meaning::kToolIndex:
      return check_.number_call(number);
    default:
      return count(at->meaning, number);
  }
}

// Of a usage.
void AnswerReader::count(Meaning meaning, double number) {
  if (!std::exchange(message_.counts, true)) usage_ = {};
  switch (meaning) {
    case Meaning::kPromptTokens:
      usage_.of_completion = true;
      usage_.in = number;
      return;
    case Meaning::kCompletionTokens:
      usage_.of_completion = true;
      usage_.out = number;
      return;
    case Meaning::kTokensIn:
      usage_.in = number;
      return;
    case Meaning::kTokensOut:
      usage_.out = number;
      return;
    case Meaning::kTokensTotal:
      usage_.total = number;
      return;
    case Meaning::kTokensCached:
      usage_.cached = number;
      return;
    case Meaning::kTokensRead:
      usage_.read = number;
      return;
    case Meaning::kTokensWritten:
      usage_.written = number;
      return;
    case Meaning::kTokensReasoning:
      usage_.reasoning = number;
      return;
    default:
      return;
  }
}

void AnswerReader::on_boolean(int path, bool value) {
  const Place* const at = concerns(path);
  if (at == nullptr || !value) return;
  if (at->meaning == Meaning::kDone) message_.done = true;
  if (at->meaning == Meaning::kSpecial) message_.special = true;
  if (at->meaning == Meaning::kError) message_.error = true;
}

void AnswerReader::on_object(int path) {
  const Place* const at = concerns(path);
  if (at == nullptr) return;
  if (at->meaning == Meaning::kMedia) show_content();
  if (at->meaning == Meaning::kChoices) check_.begin_choice(facts_.streamed);
  if (at->meaning == Meaning::kToolCall) check_.end_call();
}

// An `error` that is `{}` is none, as null, "" and false are none: gateways that write all the fields they have say so in
// good answers, and OpenAI's own client for Python takes it for nothing.
void AnswerReader::on_object_end(int path, std::size_t members) {
  const Place* const at = members > 0 ? concerns(path) : nullptr;
  if (at != nullptr && at->meaning == Meaning::kError) message_.error = true;
}

}  // namespace weir::proxy
