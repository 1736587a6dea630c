#include "proxy/split/created_ids.h"

#include <algorithm>

#include "base/score.h"

namespace weir::proxy {
namespace {

using Kind = Collection::Kind;

struct Name {
  std::string_view name;
  Kind kind;
};
constexpr std::array kNames = {Name{"responses", Kind::kResponses}, Name{"conversations", Kind::kConversations},
                               Name{"files", Kind::kFiles}, Name{"batches", Kind::kBatches}};

// What a response is asked for before it is made, or of those that there are: no ids.
bool is_operation(const Collection& found) {
  return found.kind == Kind::kResponses && (found.id == "compact" || found.id == "input_tokens");
}

// Takes the next segment off the path.
std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(std::min(path.size(), path.find_first_not_of('/')));
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

}  // namespace

Collection collection_of(std::string_view path) {
  while (!path.empty()) {
    const std::string_view segment = next_segment(path);
    const auto* const at =
        std::find_if(kNames.begin(), kNames.end(), [&](const Name& name) { return name.name == segment; });
    if (at == kNames.end()) continue;
    Collection found{.kind = at->kind};
    found.id = next_segment(path);
    found.whole = next_segment(path).empty();
    if (is_operation(found)) found.id = {};
    return found;
  }
  return {};
}

config::BodyTextSet naming_texts(const Collection& collection, std::string_view method) {
  config::BodyTextSet texts;
  if (method != "POST" || !collection.id.empty()) return texts;
  if (collection.kind == Kind::kResponses) {
    texts.add(config::BodyText::kPreviousResponseId);
    texts.add(config::BodyText::kConversation);
  }
  if (collection.kind == Kind::kBatches) texts.add(config::BodyText::kInputFileId);
  return texts;
}

std::uint64_t created_key(std::string_view id) { return join_key(JoinKind::kResponse, id); }

}  // namespace weir::proxy
