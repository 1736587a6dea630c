// What is posted of answers: whatever the body, what is taken of it is within its bounds.
#include "app/feedback/posted.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  using namespace weir::app;
  const auto read = read_post({reinterpret_cast<const char*>(data), size});
  if (const auto* wrong = std::get_if<std::string>(&read)) {
    fuzz::require(!wrong->empty(), "what is wrong with a body is said");
    return 0;
  }
  const Post& post = std::get<Post>(read);
  fuzz::require(post.size() <= Post::kMaxScores, "there are no more scores than are taken at once");
  for (const PostedScore& score : post.scores) {
    fuzz::require(!score.targets.empty() && score.targets.size() <= 4, "a score says what it is about");
    for (const ScoreTarget& target : score.targets) {
      fuzz::require(!target.id.empty() && target.id.size() <= PostedScore::kMaxTargetId, "an id is within its bounds");
    }
    fuzz::require(!score.name.empty() && score.name.size() <= PostedScore::kMaxName, "so is a name");
    fuzz::require(score.source.size() <= PostedScore::kMaxName, "so is a source");
    fuzz::require(score.value - score.value == 0, "a value is a number");
    fuzz::require(score.weight >= 0 && score.weight <= 1, "a weight is a share");
  }
  for (const RefusedScore& refused : post.refused) {
    fuzz::require(refused.index < post.size() && !refused.reason.empty(), "who is refused is told why");
  }
  return 0;
}
