// Pure functions. What a version makes and knows again by its id: stored responses, conversations, files, batches of the
// OpenAI kind, and Anthropic's batches and files. No other version has them, so a request that names one belongs to the version
// that made it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/body_text.h"

namespace weir::proxy {

// The place among these that a path leads to, wherever a server has it: /v1/files, /v1/files/ID, /v1/files/ID/content.
struct Collection {
  enum class Kind : std::uint8_t { kNone, kResponses, kConversations, kFiles, kBatches };

  Kind kind = Kind::kNone;
  std::string_view id = {};  // of the one that is asked for; empty: all of them, or a new one
  bool whole = true;         // nothing stands behind that
};
Collection collection_of(std::string_view path);

// The answer tells an id that is its version's: of something new, or of something that it has.
inline bool tells_ids(const Collection& collection, std::string_view method) {
  using Kind = Collection::Kind;
  if (collection.kind == Kind::kNone || !collection.whole) return false;
  return collection.id.empty() ? method == "POST" : method != "DELETE";
}

// The texts of a request's body that name something which a version has made.
config::BodyTextSet naming_texts(const Collection& collection, std::string_view method);

// What an id is found by; 0: it is none.
std::uint64_t created_key(std::string_view id);

}  // namespace weir::proxy
