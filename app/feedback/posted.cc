#include "app/feedback/posted.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "app/feedback/dialects.h"
#include "base/json.h"
#include "base/text.h"

namespace weir::app {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;

constexpr std::array<std::string_view, 9> kGoodWords{"true", "yes",  "correct",   "pass", "passed",
                                                     "good", "up", "thumbs_up", "positive"};
constexpr std::array<std::string_view, 9> kBadWords{"false", "no",   "incorrect",   "fail", "failed",
                                                    "bad",   "down", "thumbs_down", "negative"};

std::optional<double> number_of(const json::Value& value) {
  if (value.is_number()) return value.number();
  if (value.is_boolean()) return value.boolean() ? 1 : 0;
  const std::string word = lower_case(value.string());
  if (std::find(kGoodWords.begin(), kGoodWords.end(), word) != kGoodWords.end()) return 1;
  if (std::find(kBadWords.begin(), kBadWords.end(), word) != kBadWords.end()) return 0;
  return {};
}

const json::Value& field(const ScoreFields& fields, std::string_view name) {
  static const json::Value kNone;
  const json::Value* const found = fields.find(name);
  return found != nullptr ? *found : kNone;
}

// Of visible characters and spaces, in UTF-8: they are shown on terminals and in logs.
bool is_name(std::string_view text) {
  const auto control = [](char octet) { return static_cast<unsigned char>(octet) < 0x20 || octet == 0x7f; };
  return text.size() <= PostedScore::kMaxName && std::none_of(text.begin(), text.end(), control);
}

// W3C's trace ids are lower-case hexadecimal digits, and so OTLP's are; LangSmith writes the same 128 bits as a UUID, and
// MLflow puts a prefix before them.
std::string trace_id(std::string_view id) {
  constexpr std::string_view kMlflow = "tr-";
  if (id.starts_with(kMlflow)) id.remove_prefix(kMlflow.size());
  std::string out = lower_case(id);
  std::erase(out, '-');
  return out;
}

std::string source_of(const json::Value& source) {
  if (!source.is_object()) return source.string();
  return source["id"].string().empty() ? source["type"].string() : source["id"].string();
}

std::variant<PostedScore, std::string> read_score(const ScoreFields& fields) {
  using Kind = ScoreTarget::Kind;
  PostedScore score;
  for (const auto& [name, kind] : {std::pair{"request_id", Kind::kRequest}, std::pair{"response_id", Kind::kResponse},
                                   std::pair{"trace_id", Kind::kTrace}, std::pair{"session_id", Kind::kSession}}) {
    std::string id = field(fields, name).string();
    if (id.size() > PostedScore::kMaxTargetId) return std::string(name) + " is longer than 256 bytes";
    if (kind == Kind::kTrace) id = trace_id(id);
    if (!id.empty()) score.targets.push_back({kind, std::move(id)});
  }
  if (score.targets.empty()) return "none of request_id, response_id, trace_id and session_id, each a text, is there";
  score.name = field(fields, "name").string();
  if (score.name.empty() || !is_name(score.name)) {
    return "name must be a text of 1 to 64 bytes without control characters";
  }
  const std::optional<double> value = number_of(field(fields, "value"));
  if (!value || !std::isfinite(*value)) {
    return "value must be a number, true, false, or a word such as correct or incorrect";
  }
  score.value = *value;
  score.source = source_of(field(fields, "source"));
  if (!is_name(score.source)) return "source must be a text of 64 bytes at most without control characters";
  score.weight = field(fields, "weight").number(1);
  if (!(score.weight >= 0 && score.weight <= 1)) return "weight must be a number from 0 to 1";
  return score;
}

void add(Post& post, const json::Value& posted) {
  if (!posted.is_object()) {
    post.refused.push_back({post.size(), "a score is a JSON object"});
    return;
  }
  for (const ScoreFields& fields : fields_of(posted)) {
    std::variant<PostedScore, std::string> score = read_score(fields);
    if (auto* reason = std::get_if<std::string>(&score)) {
      post.refused.push_back({post.size(), std::move(*reason)});
    } else {
      post.scores.push_back(std::get<PostedScore>(std::move(score)));
    }
  }
}

// What NDJSON's lines hold, those that are no JSON too. An array that is broken is none.
std::vector<json::ParseResult> read_lines(std::string_view body) {
  constexpr std::string_view kBlank = " \t\r";
  std::vector<json::ParseResult> lines;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    const std::size_t first = line.find_first_not_of(kBlank);
    if (first == std::string_view::npos) continue;
    if (lines.empty() && line[first] == '[') return {};
    if (lines.size() > Post::kMaxScores) break;  // which is too many
    lines.push_back(json::parse(line));
  }
  return lines;
}

void add_line(Post& post, const json::ParseResult& line) {
  if (line.ok()) {
    add(post, line.value);
  } else {
    post.refused.push_back({post.size(), "the line is no JSON: " + line.error});
  }
}

// The scores of all of them, or of so many that they are too many.
template <typename Documents, typename Add>
std::variant<Post, std::string> post_of(const Documents& documents, Add add_one) {
  Post post;
  for (const auto& document : documents) {
    add_one(post, document);
    if (post.size() > Post::kMaxScores) return "more than 10000 scores at once";
  }
  return post;
}

}  // namespace

std::variant<Post, std::string> read_post(std::string_view body) {
  if (body.size() > kMaxBytes) return "the body is longer than 1 MiB";
  const json::ParseResult whole = json::parse(body);
  if (!whole.ok()) {
    const std::vector<json::ParseResult> lines = read_lines(body);
    const auto is_object = [](const json::ParseResult& line) { return line.ok() && line.value.is_object(); };
    if (std::any_of(lines.begin(), lines.end(), is_object)) return post_of(lines, add_line);
    return "the body is neither JSON nor one JSON object a line: " + whole.error;
  }
  if (whole.value.is_object()) return post_of(json::Array{whole.value}, add);
  if (whole.value.array().empty()) return "the body holds no score";
  return post_of(whole.value.array(), add);
}

}  // namespace weir::app
