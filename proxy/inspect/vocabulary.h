// Immutable values and pure functions. The words of all dialects: what stands where in their JSON, and what it means.
// From openai/openai-openapi, docs.anthropic.com (streaming messages), ollama/ollama docs/api.md,
// huggingface/text-generation-inference router, kserve/open-inference-protocol, triton-inference-server/server
// docs/protocol/extension_generate.md and tensorflow/serving g3doc/api_rest.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/json_scan.h"
#include "config/inspect.h"

namespace weir::proxy {

// What a place holds.
enum class Meaning : std::uint8_t {
  kId,        // of the answer
  kFileId,    // of a file that it has made
  kAnswer,    // nothing by itself: the place shows which dialect it is
  kText,      // for the reader
  kThinking,  // reasoning
  kMedia,     // output of another kind
  kDelta,     // text, reasoning or a call's arguments: the message's type says which
  kToolCall,  // another one begins
  kToolName,
  kToolIndex,
  kToolArguments,  // JSON within the string
  kChoices,        // one of several answers at once begins
  kChoice,         // which it is
  kToken,          // text for the reader, unless it is special
  kSpecial,
  kGenerated,  // all of the text, at the end
  kDone,
  kFinish,      // why the model ended
  kIncomplete,  // why it did not get further
  kStatus,
  kType,  // of the message
  kModel,
  kObject,
  kError,
  kErrorCode,
  kPromptTokens,  // of a usage that counts for nothing but whole
  kCompletionTokens,
  kTokensTotal,
  kTokensIn,
  kTokensOut,
  kTokensCached,     // of those in
  kTokensRead,       // from a cache, beside those in
  kTokensWritten,    // into a cache, beside those in
  kTokensReasoning,  // of those out
};

using Dialects = std::uint8_t;  // a set
inline constexpr Dialects kOpenAi = 1;
inline constexpr Dialects kAnthropic = 2;
inline constexpr Dialects kOllama = 4;
inline constexpr Dialects kTgi = 8;
inline constexpr Dialects kOip = 16;
inline constexpr Dialects kAnyDialect = 31;
Dialects dialects_of(config::Inspect inspect);
// Those whose streams end with a word that says so.
inline constexpr Dialects kWithLastWord = kOpenAi | kAnthropic | kOllama | kTgi;

struct Place {
  std::string_view path;
  Meaning meaning;
  Dialects dialects;
  bool telling = true;  // nothing but a model server's answer has something there
};

// By the number that a scan of paths() gives.
const Place& place(int path);
const json::Paths& paths();

// What a message's type says, of those that say anything.
enum class MessageType : std::uint8_t {
  kOther,
  kText,
  kThinking,
  kMedia,
  kArguments,
  kCallEnds,
  kCompleted,
  kIncomplete,
  kStop,
  kError,
};
MessageType message_type(std::string_view word);
// It is a type of one of these dialects, whether it says anything or not; none: of no dialect.
Dialects typical_of(std::string_view word);

// An error's code or type that is 429's or 529's.
bool names_capacity(std::string_view code);
// One that says that the request was wrong: 400 to 499, but for 429.
bool names_request(std::string_view code);

}  // namespace weir::proxy
