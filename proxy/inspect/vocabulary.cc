#include "proxy/inspect/vocabulary.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "proxy/inspect/answer_facts.h"

namespace weir::proxy {
namespace {

using M = Meaning;

constexpr bool kPlain = false;  // a word that any JSON may have

constexpr std::array kPlaces = {
    // Errors, of everybody: an object, or flat.
    Place{"error", M::kError, kAnyDialect, kPlain},
    Place{"error.code", M::kErrorCode, kAnyDialect, kPlain},
    Place{"error.type", M::kErrorCode, kAnyDialect, kPlain},
    Place{"error_type", M::kErrorCode, kTgi, kPlain},
    Place{"code", M::kErrorCode, kOpenAi, kPlain},
    Place{"object", M::kObject, kOpenAi, kPlain},
    Place{"type", M::kType, kOpenAi | kAnthropic, kPlain},
    Place{"model", M::kModel, kOpenAi | kAnthropic | kOllama, kPlain},

    Place{"id", M::kId, kOpenAi | kAnthropic | kOip, kPlain},
    Place{"response.id", M::kId, kOpenAi, kPlain},
    Place{"message.id", M::kId, kAnthropic, kPlain},
    Place{"output_file_id", M::kFileId, kOpenAi, kPlain},
    Place{"error_file_id", M::kFileId, kOpenAi, kPlain},

    // Chat and completions.
    Place{"choices", M::kChoices, kOpenAi},
    Place{"choices.index", M::kChoice, kOpenAi},
    Place{"choices.text", M::kText, kOpenAi},
    Place{"choices.delta.content", M::kText, kOpenAi},
    Place{"choices.delta.content.text", M::kText, kOpenAi},
    Place{"choices.delta.reasoning", M::kThinking, kOpenAi},
    Place{"choices.delta.reasoning_content", M::kThinking, kOpenAi},
    Place{"choices.delta.refusal", M::kMedia, kOpenAi},
    Place{"choices.delta.audio.data", M::kMedia, kOpenAi},
    Place{"choices.delta.images", M::kMedia, kOpenAi},
    Place{"choices.delta.tool_calls.index", M::kToolIndex, kOpenAi},
    Place{"choices.delta.tool_calls.function.name", M::kToolName, kOpenAi},
    Place{"choices.delta.tool_calls.function.arguments", M::kToolArguments, kOpenAi},
    Place{"choices.delta.function_call.name", M::kToolName, kOpenAi},
    Place{"choices.delta.function_call.arguments", M::kToolArguments, kOpenAi},
    Place{"choices.message.content", M::kText, kOpenAi},
    Place{"choices.message.content.text", M::kText, kOpenAi},
    Place{"choices.message.reasoning", M::kThinking, kOpenAi},
    Place{"choices.message.reasoning_content", M::kThinking, kOpenAi},
    Place{"choices.message.refusal", M::kMedia, kOpenAi},
    Place{"choices.message.audio.data", M::kMedia, kOpenAi},
    Place{"choices.message.images", M::kMedia, kOpenAi},
    Place{"choices.message.tool_calls", M::kToolCall, kOpenAi},
    Place{"choices.message.tool_calls.function.name", M::kToolName, kOpenAi},
    Place{"choices.message.tool_calls.function.arguments", M::kToolArguments, kOpenAi},
    Place{"choices.message.function_call.name", M::kToolName, kOpenAi},
    Place{"choices.message.function_call.arguments", M::kToolArguments, kOpenAi},
    Place{"choices.finish_reason", M::kFinish, kOpenAi},
    Place{"usage.prompt_tokens", M::kPromptTokens, kOpenAi},
    Place{"usage.completion_tokens", M::kCompletionTokens, kOpenAi},
    Place{"usage.total_tokens", M::kTokensTotal, kOpenAi, kPlain},
    Place{"usage.prompt_tokens_details.cached_tokens", M::kTokensCached, kOpenAi},
    Place{"usage.completion_tokens_details.reasoning_tokens", M::kTokensReasoning, kOpenAi},
    Place{"data.embedding", M::kMedia, kOpenAi, kPlain},

    // Responses.
    Place{"delta", M::kDelta, kOpenAi, kPlain},
    Place{"status", M::kStatus, kOpenAi, kPlain},
    Place{"incomplete_details.reason", M::kIncomplete, kOpenAi, kPlain},
    Place{"output", M::kToolCall, kOpenAi, kPlain},
    Place{"output.content.text", M::kText, kOpenAi, kPlain},
    Place{"output.content.refusal", M::kMedia, kOpenAi, kPlain},
    Place{"output.result", M::kMedia, kOpenAi, kPlain},  // an image
    Place{"item.result", M::kMedia, kOpenAi, kPlain},
    Place{"partial_image_b64", M::kMedia, kOpenAi, kPlain},
    Place{"output.name", M::kToolName, kOpenAi, kPlain},
    Place{"output.arguments", M::kToolArguments, kOpenAi, kPlain},
    Place{"usage.input_tokens", M::kTokensIn, kOpenAi | kAnthropic},
    Place{"usage.output_tokens", M::kTokensOut, kOpenAi | kAnthropic},
    Place{"usage.input_tokens_details.cached_tokens", M::kTokensCached, kOpenAi},
    Place{"usage.output_tokens_details.reasoning_tokens", M::kTokensReasoning, kOpenAi},
    Place{"response.model", M::kModel, kOpenAi, kPlain},
    Place{"response.error", M::kError, kOpenAi, kPlain},
    Place{"response.error.code", M::kErrorCode, kOpenAi, kPlain},
    Place{"response.incomplete_details.reason", M::kIncomplete, kOpenAi, kPlain},
    Place{"response.usage.input_tokens", M::kTokensIn, kOpenAi},
    Place{"response.usage.output_tokens", M::kTokensOut, kOpenAi},
    Place{"response.usage.input_tokens_details.cached_tokens", M::kTokensCached, kOpenAi},
    Place{"response.usage.output_tokens_details.reasoning_tokens", M::kTokensReasoning, kOpenAi},

    // Messages.
    Place{"delta.text", M::kText, kAnthropic},
    Place{"delta.thinking", M::kThinking, kAnthropic},
    Place{"delta.partial_json", M::kToolArguments, kAnthropic},
    Place{"delta.stop_reason", M::kFinish, kAnthropic},
    Place{"content_block", M::kToolCall, kAnthropic},
    Place{"content_block.name", M::kToolName, kAnthropic},
    Place{"content_block.text", M::kText, kAnthropic},
    Place{"content.text", M::kText, kAnthropic, kPlain},
    Place{"content.thinking", M::kThinking, kAnthropic, kPlain},
    Place{"content.name", M::kToolName, kAnthropic, kPlain},
    Place{"stop_reason", M::kFinish, kAnthropic},
    Place{"usage.cache_read_input_tokens", M::kTokensRead, kAnthropic},
    Place{"usage.cache_creation_input_tokens", M::kTokensWritten, kAnthropic},
    Place{"message.model", M::kModel, kAnthropic, kPlain},
    Place{"message.usage.input_tokens", M::kTokensIn, kAnthropic},
    Place{"message.usage.output_tokens", M::kTokensOut, kAnthropic},
    Place{"message.usage.cache_read_input_tokens", M::kTokensRead, kAnthropic},
    Place{"message.usage.cache_creation_input_tokens", M::kTokensWritten, kAnthropic},

    // Ollama.
    Place{"message.content", M::kText, kOllama, kPlain},
    Place{"message.thinking", M::kThinking, kOllama, kPlain},
    Place{"message.tool_calls.function.name", M::kToolName, kOllama, kPlain},
    Place{"response", M::kText, kOllama, kPlain},
    Place{"thinking", M::kThinking, kOllama, kPlain},
    Place{"done", M::kDone, kOllama},
    Place{"done_reason", M::kFinish, kOllama},
    Place{"prompt_eval_count", M::kTokensIn, kOllama},
    Place{"eval_count", M::kTokensOut, kOllama},
    Place{"embeddings", M::kMedia, kOllama, kPlain},
    Place{"embedding", M::kMedia, kOllama, kPlain},

    // TGI.
    Place{"token.text", M::kToken, kTgi},
    Place{"token.special", M::kSpecial, kTgi},
    Place{"generated_text", M::kGenerated, kTgi},
    Place{"details.finish_reason", M::kFinish, kTgi},
    Place{"details.generated_tokens", M::kTokensOut, kTgi},

    // The open inference protocol, and TensorFlow Serving.
    Place{"model_name", M::kModel, kOip, kPlain},
    Place{"model_version", M::kAnswer, kOip, kPlain},
    Place{"text_output", M::kText, kOip},
    Place{"outputs", M::kMedia, kOip, kPlain},
    Place{"outputs.datatype", M::kAnswer, kOip},
    Place{"predictions", M::kMedia, kOip},
    Place{"results", M::kMedia, kOip, kPlain},
};

struct TypeWord {
  std::string_view word;
  MessageType type;
  Dialects dialects;
};

constexpr std::array kTypes = {
    TypeWord{"error", MessageType::kError, kOpenAi | kAnthropic},
    TypeWord{"message_start", MessageType::kOther, kAnthropic},
    TypeWord{"content_block_stop", MessageType::kCallEnds, kAnthropic},
    TypeWord{"message_stop", MessageType::kStop, kAnthropic},
    TypeWord{"response.created", MessageType::kOther, kOpenAi},
    TypeWord{"response.output_text.delta", MessageType::kText, kOpenAi},
    TypeWord{"response.reasoning.delta", MessageType::kThinking, kOpenAi},
    TypeWord{"response.reasoning_text.delta", MessageType::kThinking, kOpenAi},
    TypeWord{"response.reasoning_summary_text.delta", MessageType::kThinking, kOpenAi},
    TypeWord{"response.refusal.delta", MessageType::kMedia, kOpenAi},
    TypeWord{"response.audio.delta", MessageType::kMedia, kOpenAi},
    TypeWord{"response.code_interpreter_call_code.delta", MessageType::kMedia, kOpenAi},
    TypeWord{"response.custom_tool_call_input.delta", MessageType::kMedia, kOpenAi},
    TypeWord{"response.function_call_arguments.delta", MessageType::kArguments, kOpenAi},
    TypeWord{"response.mcp_call_arguments.delta", MessageType::kArguments, kOpenAi},
    TypeWord{"response.function_call_arguments.done", MessageType::kCallEnds, kOpenAi},
    TypeWord{"response.mcp_call_arguments.done", MessageType::kCallEnds, kOpenAi},
    TypeWord{"response.completed", MessageType::kCompleted, kOpenAi},
    TypeWord{"response.incomplete", MessageType::kIncomplete, kOpenAi},
    TypeWord{"response.failed", MessageType::kError, kOpenAi},
};

const TypeWord* find_type(std::string_view word) {
  const auto* const found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeWord& each) { return each.word == word; });
  return found == kTypes.end() ? nullptr : found;
}

struct FinishWord {
  std::string_view word;
  FinishReason reason;
};

constexpr std::array kFinishWords = {
    FinishWord{"stop", FinishReason::kStop},
    FinishWord{"end_turn", FinishReason::kStop},
    FinishWord{"stop_sequence", FinishReason::kStop},
    FinishWord{"eos_token", FinishReason::kStop},
    FinishWord{"length", FinishReason::kLength},
    FinishWord{"max_tokens", FinishReason::kLength},
    FinishWord{"max_output_tokens", FinishReason::kLength},
    FinishWord{"model_context_window_exceeded", FinishReason::kLength},
    FinishWord{"tool_calls", FinishReason::kToolCalls},
    FinishWord{"tool_use", FinishReason::kToolCalls},
    FinishWord{"function_call", FinishReason::kToolCalls},
    FinishWord{"content_filter", FinishReason::kContentFilter},
    FinishWord{"refusal", FinishReason::kContentFilter},
    FinishWord{"error", FinishReason::kError},
};

}  // namespace

Dialects dialects_of(config::Inspect inspect) {
  switch (inspect) {
    case config::Inspect::kOff:
      return 0;
    case config::Inspect::kAuto:
      return kAnyDialect;
    case config::Inspect::kOpenAi:
      return kOpenAi;
    case config::Inspect::kAnthropic:
      return kAnthropic;
    case config::Inspect::kOllama:
      return kOllama;
    case config::Inspect::kTgi:
      return kTgi;
    case config::Inspect::kOip:
      return kOip;
  }
  return 0;
}

const Place& place(int path) { return kPlaces[static_cast<std::size_t>(path)]; }

const json::Paths& paths() {
  static const json::Paths all = [] {
    std::vector<std::string_view> names;
    for (const Place& each : kPlaces) names.push_back(each.path);
    return json::Paths(names);
  }();
  return all;
}

MessageType message_type(std::string_view word) {
  const TypeWord* const known = find_type(word);
  return known == nullptr ? MessageType::kOther : known->type;
}

Dialects typical_of(std::string_view word) {
  const TypeWord* const known = find_type(word);
  return known == nullptr ? Dialects{0} : known->dialects;
}

bool names_capacity(std::string_view code) {
  constexpr std::array<std::string_view, 6> kWords = {
      "429", "529", "overloaded_error", "overloaded", "rate_limit_error", "rate_limit_exceeded"};
  return std::find(kWords.begin(), kWords.end(), code) != kWords.end();
}

bool names_request(std::string_view code) {
  constexpr std::array<std::string_view, 8> kWords = {
      "invalid_request_error", "BadRequestError",   "authentication_error",    "permission_error",
      "not_found_error",       "request_too_large", "context_length_exceeded", "validation"};
  const bool status = code.size() == 3 && code.front() == '4' && std::isdigit(static_cast<unsigned char>(code[1])) != 0 &&
                      std::isdigit(static_cast<unsigned char>(code[2])) != 0;
  return (status && !names_capacity(code)) || std::find(kWords.begin(), kWords.end(), code) != kWords.end();
}

FinishReason finish_reason(std::string_view word) {
  const auto* const found =
      std::find_if(kFinishWords.begin(), kFinishWords.end(), [&](const FinishWord& each) { return each.word == word; });
  return found == kFinishWords.end() ? FinishReason::kOther : found->reason;
}

}  // namespace weir::proxy
