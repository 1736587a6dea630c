#include "tests/unit/proxy/inspect/slow_reader.h"

#include <map>
#include <utility>

#include "base/json.h"
#include "proxy/inspect/vocabulary.h"

namespace weir::proxy {
namespace {

using config::Inspect;

struct Event {
  std::string name;
  std::string data;
};

std::vector<std::string> lines_of(std::string_view body) {
  std::vector<std::string> lines(1);
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\r' || body[i] == '\n') {
      if (body[i] == '\r' && i + 1 < body.size() && body[i + 1] == '\n') ++i;
      lines.emplace_back();
    } else {
      lines.back() += body[i];
    }
  }
  return lines;
}

std::vector<Event> events_of(std::string_view body) {
  std::vector<Event> events;
  Event event;
  bool has_data = false;
  std::vector<std::string> lines = lines_of(body);
  lines.emplace_back();
  for (const std::string& line : lines) {
    if (line.empty()) {
      if (has_data) events.push_back(event);
      event = {};
      has_data = false;
      continue;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string field = line.substr(0, colon);
    std::string value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.erase(0, 1);
    if (field == "event") event.name = value;
    if (field != "data") continue;
    event.data += has_data ? "\n" + value : value;
    has_data = true;
  }
  return events;
}

void collect(const json::Value& value, std::string_view path, std::vector<const json::Value*>& found) {
  if (!value.array().empty()) {
    for (const json::Value& element : value.array()) collect(element, path, found);
  } else if (path.empty()) {
    if (!value.is_null()) found.push_back(&value);
  } else {
    const std::size_t dot = std::min(path.find('.'), path.size());
    collect(value[path.substr(0, dot)], path.substr(std::min(dot + 1, path.size())), found);
  }
}

std::vector<const json::Value*> at(const json::Value& value, std::string_view path) {
  std::vector<const json::Value*> found;
  collect(value, path, found);
  return found;
}

std::string text_at(const json::Value& value, std::string_view path) {
  std::string text;
  for (const json::Value* each : at(value, path)) text += each->string();
  return text;
}

bool parses(const std::string& text) { return json::parse(text, {.bytes = 1 << 20, .depth = 100}).ok(); }

bool visible(const std::string& text) { return text.find_first_not_of(" \t\r\n") != std::string::npos; }

struct Choice {
  bool said = false;
  std::string text;
  std::map<double, std::string> calls;
};

class Slow {
 public:
  explicit Slow(const Sent& sent) : sent_(sent) {}

  AnswerFacts read() {
    facts_.streamed = sent_.type != "application/json";
    facts_.known = true;
    if (sent_.type == "text/event-stream") {
      for (const Event& event : events_of(sent_.body)) take(event.data, event.name);
    } else if (facts_.streamed) {
      for (const std::string& line : lines_of(sent_.body)) take(line, "");
    } else {
      take(std::string(sent_.body), "");
    }
    finish();
    return facts_;
  }

 private:
  void take(const std::string& data, const std::string& name) {
    if (closed_ || facts_.failed()) return;
    if (data == "[DONE]" && sent_.inspect == Inspect::kOpenAi) {
      closed_ = true;
      return;
    }
    const json::ParseResult parsed = json::parse(data, {.bytes = 1 << 20, .depth = 100});
    if (!parsed.ok()) {
      unclear_ = unclear_ || visible(data) || (sent_.type == "text/event-stream" && !data.empty());
      return;
    }
    const std::string text_before = text_;
    const std::size_t other_before = other_;
    const json::Value& value = parsed.value;
    // A name that says nothing does not stand in the way of a type.
    const std::string type = is_typical(name) ? name : value["type"].string();
    if (facts_.model_size == 0) take_model(value);
    if (sent_.inspect == Inspect::kOpenAi) take_chat(value);
    if (sent_.inspect == Inspect::kOpenAi) take_response(value, name);
    if (sent_.inspect == Inspect::kAnthropic) take_message(value, type);
    if (sent_.inspect == Inspect::kOllama) take_ollama(value);
    if (sent_.inspect == Inspect::kTgi) take_tgi(value);
    if (sent_.inspect == Inspect::kOip) take_inference(value);
    if (text_ != text_before || other_ != other_before) {
      ++facts_.outputs;
    }
    if (!says_error(value, type) && facts_.finish != FinishReason::kError) return;
    facts_.ending = says_capacity(value) ? Ending::kCapacity : Ending::kError;
  }

  // One of this dialect's.
  bool is_typical(std::string_view type) const { return (typical_of(type) & dialects_of(sent_.inspect)) != 0; }

  bool says_error(const json::Value& value, const std::string& type) const {
    if (is_typical(type) && message_type(type) == MessageType::kError) return true;
    for (const char* const path : {"error", "response.error"}) {
      if (path[0] == 'r' && sent_.inspect != Inspect::kOpenAi) continue;
      for (const json::Value* error : at(value, path)) {
        if (!error->object().empty() || !error->string().empty()) return true;
      }
    }
    if (sent_.inspect != Inspect::kOpenAi) return false;
    return value["object"].string() == "error" || (!facts_.streamed && value["status"].string() == "failed");
  }

  bool says_capacity(const json::Value& value) const {
    if (value["error"]["code"].number() == 429) return true;
    for (const char* const path : {"error.type", "error.code", "error_type", "code", "response.error.code"}) {
      for (const json::Value* code : at(value, path)) {
        if (names_capacity(code->string())) return true;
      }
    }
    return false;
  }

  void take_model(const json::Value& value) {
    if (sent_.inspect == Inspect::kTgi) return;
    for (const std::string_view path : {"model", "message.model", "response.model", "model_name"}) {
      if (path == "message.model" && sent_.inspect != Inspect::kAnthropic) continue;
      if (path == "response.model" && sent_.inspect != Inspect::kOpenAi) continue;
      if ((path == "model_name") != (sent_.inspect == Inspect::kOip)) continue;
      for (const json::Value* model : at(value, path)) {
        const std::string word = model->string().substr(0, facts_.model_space.size());
        if (word.empty()) continue;
        std::copy(word.begin(), word.end(), facts_.model_space.begin());
        facts_.model_size = word.size();
      }
    }
  }

  void take_usage(const json::Value& in, const json::Value& out) {
    if (in.is_number()) facts_.tokens_in = static_cast<std::uint64_t>(in.number());
    if (out.is_number()) facts_.tokens_out = static_cast<std::uint64_t>(out.number());
  }

  void end_with(const std::string& word) {
    if (!word.empty()) facts_.finish = finish_reason(word);
  }

  void take_chat(const json::Value& value) {
    double number = 0;
    for (const json::Value* choice : at(value, "choices")) {
      if (choice->is_object()) take_choice(*choice, facts_.streamed ? (*choice)["index"].number() : number++);
    }
    for (const json::Value* reason : at(value, "choices.finish_reason")) end_with(reason->string());
    const json::Value& usage = value["usage"];
    const bool whole = usage["completion_tokens"].is_number() || usage["total_tokens"].is_number();
    if (!usage["prompt_tokens"].is_number() || !whole) return;
    take_usage(usage["prompt_tokens"], usage["completion_tokens"]);
    if (!usage["completion_tokens"].is_number()) {
      const double rest = usage["total_tokens"].number() - usage["prompt_tokens"].number();
      facts_.tokens_out = rest > 0 ? static_cast<std::uint64_t>(rest) : 0;
    }
    facts_.tokens_cached = static_cast<std::uint64_t>(usage["prompt_tokens_details"]["cached_tokens"].number());
    if (usage["completion_tokens"].is_number()) {
      facts_.tokens_reasoning =
          static_cast<std::uint64_t>(usage["completion_tokens_details"]["reasoning_tokens"].number());
    }
  }

  void take_choice(const json::Value& choice, double number) {
    Choice& into = choices_[number];
    std::size_t said = 0;
    bool late = false;
    for (const auto& [name, value] : choice.object().members()) {
      if (name == "index") late = facts_.streamed && said != 0 && number != 0;
      const std::size_t before = text_.size();
      if (name == "text") text_ += value.string();
      if (name == "delta" || name == "message") {
        text_ += text_at(value, "content") + text_at(value, "content.text");
        other_ += text_at(value, "reasoning").size() + text_at(value, "reasoning_content").size();
        said += take_media(value, "images");
        for (const json::Value* call : at(value, "tool_calls")) said += take_call(*call, into);
      }
      into.text += text_.substr(before);
      said += text_.size() - before;
    }
    if (late) unclear_ = true;
    if (said != 0) into.said = true;
  }

  // What is no text: images, numbers, a refusal.
  std::size_t take_media(const json::Value& value, std::string_view path) {
    std::size_t found = 0;
    for (const json::Value* each : at(value, path)) {
      if (each->is_object() || each->is_number() || !each->string().empty()) ++found;
    }
    other_ += found;
    if (found != 0) seen_ = true;
    return found;
  }

  std::size_t take_call(const json::Value& call, Choice& into) {
    const std::string arguments = text_at(call, "function.arguments");
    into.calls[facts_.streamed ? call["index"].number() : static_cast<double>(into.calls.size())] += arguments;
    const std::size_t said = arguments.size() + text_at(call, "function.name").size();
    other_ += said;
    if (said != 0) seen_ = true;
    return said;
  }

  // A delta is what the type before it says.
  void take_response(const json::Value& value, const std::string& name) {
    std::string type = is_typical(name) ? name : "";
    for (const auto& [key, member] : value.object().members()) {
      if (key == "type" && is_typical(member.string())) type = member.string();
      if (key == "status" && !facts_.streamed && !member.string().empty()) type = "response." + member.string();
      for (const json::Value* delta : at(member, "")) {
        if (key == "delta") take_delta(delta->string(), message_type(type));
      }
    }
    if (is_typical(name)) type = name;
    for (const json::Value* item : at(value, "output")) {
      if (!item->is_object()) continue;
      ++call_;
      text_ += text_at(*item, "content.text");
      for (const char* const path : {"content.refusal", "result", "name"}) take_media(*item, path);
      take_arguments(text_at(*item, "arguments"));
    }
    for (const char* const path : {"item.result", "partial_image_b64", "data.embedding"}) take_media(value, path);
    take_usage_of_response(value["usage"]);
    take_usage_of_response(value["response"]["usage"]);
    const json::Value& usage = value["usage"];
    if (usage["input_tokens"].is_number() && usage["total_tokens"].is_number() && !usage["output_tokens"].is_number()) {
      take_usage(json::Value(), json::Value(std::max(0.0, usage["total_tokens"].number() - usage["input_tokens"].number())));
    }
    if (message_type(type) == MessageType::kCallEnds) ++call_;
    const std::string why =
        text_at(value, "incomplete_details.reason") + text_at(value, "response.incomplete_details.reason");
    if (message_type(type) == MessageType::kIncomplete) end_with(why.empty() ? "length" : why);
    if (message_type(type) == MessageType::kCompleted) end_with("stop");
    closed_ = closed_ || message_type(type) == MessageType::kIncomplete || message_type(type) == MessageType::kCompleted;
  }

  void take_delta(const std::string& delta, MessageType type) {
    if (type == MessageType::kText) {
      text_ += delta;
    } else if (type == MessageType::kArguments) {
      take_arguments(delta);
    } else {
      other_ += delta.size();
      if (type == MessageType::kThinking) return;
      seen_ = seen_ || visible(delta);
      unclear_ = unclear_ || (type == MessageType::kOther && !delta.empty());
    }
  }

  void take_arguments(const std::string& arguments) {
    calls_[call_] += arguments;
    other_ += arguments.size();
    seen_ = seen_ || !arguments.empty();
  }

  void take_usage_of_response(const json::Value& usage) {
    const json::Value& in = usage["input_tokens"];
    const json::Value& out = usage["output_tokens"];
    take_usage(in, out);
    if (in.is_number()) {
      facts_.tokens_cached = static_cast<std::uint64_t>(usage["input_tokens_details"]["cached_tokens"].number());
    }
    if (out.is_number()) {
      facts_.tokens_reasoning =
          static_cast<std::uint64_t>(usage["output_tokens_details"]["reasoning_tokens"].number());
    }
  }

  void take_inference(const json::Value& value) {
    text_ += text_at(value, "text_output");
    for (const char* const path : {"outputs", "predictions", "results"}) take_media(value, path);
  }

  void take_message(const json::Value& value, const std::string& type) {
    if (value["content_block"].is_object() || !facts_.streamed) ++call_;
    text_ += text_at(value, "delta.text") + text_at(value, "content.text") + text_at(value, "content_block.text");
    other_ += text_at(value, "delta.thinking").size() + text_at(value, "content.thinking").size();
    const std::string call = text_at(value, "delta.partial_json");
    const std::string name = text_at(value, "content_block.name") + text_at(value, "content.name");
    if (!call.empty()) calls_[call_] += call;
    if (!call.empty() || !name.empty()) seen_ = true;
    other_ += call.size() + name.size();
    for (const char* const where : {"message.usage", "usage"}) {
      for (const json::Value* usage : at(value, where)) {
        take_usage(json::Value(), (*usage)["output_tokens"]);
        if (!(*usage)["input_tokens"].is_number()) continue;
        const double cached = (*usage)["cache_read_input_tokens"].number();
        const double written = (*usage)["cache_creation_input_tokens"].number();
        facts_.tokens_in = static_cast<std::uint64_t>((*usage)["input_tokens"].number() + cached + written);
        facts_.tokens_cached = static_cast<std::uint64_t>(cached);
      }
    }
    end_with(text_at(value, "delta.stop_reason") + text_at(value, "stop_reason"));
    if (type == "content_block_stop") ++call_;
    if (type == "message_stop") closed_ = true;
  }

  void take_ollama(const json::Value& value) {
    text_ += text_at(value, "message.content") + text_at(value, "response");
    const std::size_t said = text_at(value, "message.tool_calls.function.name").size();
    if (said != 0) seen_ = true;
    other_ += said + text_at(value, "message.thinking").size() + text_at(value, "thinking").size();
    take_usage(value["prompt_eval_count"], value["eval_count"]);
    end_with(value["done_reason"].string());
    if (value["done"].boolean()) closed_ = true;
  }

  void take_tgi(const json::Value& value) {
    if (!value["token"]["special"].boolean()) text_ += value["token"]["text"].string();
    if (!facts_.streamed) text_ += text_at(value, "generated_text");
    generated_ += text_at(value, "generated_text");
    for (const json::Value* details : at(value, "details")) {
      take_usage(json::Value(), (*details)["generated_tokens"]);
      end_with((*details)["finish_reason"].string());
    }
    closed_ = closed_ || !text_at(value, "generated_text").empty();
  }

  void finish() {
    if (closed_ && facts_.finish == FinishReason::kNone && sent_.inspect != Inspect::kOpenAi) {
      facts_.finish = FinishReason::kStop;
    }
    if (facts_.failed()) return;
    const bool ended = closed_ || facts_.finish != FinishReason::kNone || sent_.inspect == Inspect::kOip;
    if (facts_.streamed && !ended) {
      facts_.ending = Ending::kTruncated;
      return;
    }
    facts_.ending = Ending::kOk;
    const bool wrote = facts_.finish != FinishReason::kOther && (facts_.finish != FinishReason::kNone || closed_);
    facts_.empty = wrote && !visible(text_) && !seen_;
    facts_.invalid = sent_.json_asked && facts_.empty;
    if (unclear_) return;
    for (const auto& [index, arguments] : calls_) facts_.invalid |= !arguments.empty() && !parses(arguments);
    const std::string& text = sent_.inspect == Inspect::kTgi ? generated_ : text_;
    if (sent_.json_asked && choices_.empty()) facts_.invalid |= !text.empty() && !parses(text);
    for (const auto& [number, choice] : choices_) {
      if (number < 0 || number >= OutputCheck::kMostChoices) continue;
      for (const auto& [index, arguments] : choice.calls) facts_.invalid |= !arguments.empty() && !parses(arguments);
      if (!sent_.json_asked) continue;
      facts_.invalid |= choice.text.empty() ? wrote && !choice.said : !parses(choice.text);
    }
  }

  const Sent& sent_;
  AnswerFacts facts_;
  std::map<double, Choice> choices_;
  bool closed_ = false;
  bool seen_ = false;
  bool unclear_ = false;
  std::string text_;
  std::string generated_;
  std::size_t other_ = 0;
  double call_ = 0;
  std::map<double, std::string> calls_;
};

}  // namespace

AnswerFacts read_slowly(const Sent& sent) { return Slow(sent).read(); }

}  // namespace weir::proxy
