#include "proxy/inspect/request_scan.h"

#include <algorithm>

#include "proxy/http/field.h"

namespace weir::proxy {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool ends_scalar(char c) { return is_space(c) || c == ',' || c == '}' || c == ']'; }

struct Name {
  std::string_view name;
  Member member;
  Member inside = Member::kOther;  // the object's member; kOther: the top
};

constexpr std::array kNames = {
    Name{"model", Member::kModel},
    Name{"stream", Member::kStream},
    Name{"stream_options", Member::kStreamOptions},
    Name{"include_usage", Member::kIncludeUsage, Member::kStreamOptions},
    Name{"user", Member::kUser},
    Name{"prompt_cache_key", Member::kPromptCacheKey},
    Name{"safety_identifier", Member::kSafetyIdentifier},
    Name{"conversation", Member::kConversation},
    Name{"id", Member::kConversationId, Member::kConversation},
    Name{"metadata", Member::kMetadata},
    Name{"user_id", Member::kMetadataUserId, Member::kMetadata},
    Name{"session_id", Member::kMetadataSessionId, Member::kMetadata},
    Name{"previous_response_id", Member::kPreviousResponseId},
    Name{"input_file_id", Member::kInputFileId},
    Name{"response_format", Member::kResponseFormat},
    Name{"type", Member::kResponseFormatType, Member::kResponseFormat},
    Name{"text", Member::kText},
    Name{"format", Member::kTextFormat, Member::kText},
    Name{"type", Member::kTextFormatType, Member::kTextFormat},
    Name{"format", Member::kFormat},
    Name{"output_config", Member::kOutputConfig},
    Name{"format", Member::kOutputConfigFormat, Member::kOutputConfig},
    Name{"type", Member::kOutputConfigFormatType, Member::kOutputConfigFormat},
    Name{"output_format", Member::kOutputFormat},
    Name{"type", Member::kOutputFormatType, Member::kOutputFormat},
    Name{"parameters", Member::kParameters},
    Name{"grammar", Member::kGrammar, Member::kParameters},
    Name{"type", Member::kGrammarType, Member::kGrammar},
    Name{"structured_outputs", Member::kStructuredOutputs},
    Name{"json", Member::kStructuredJson, Member::kStructuredOutputs},
    Name{"json_object", Member::kStructuredObject, Member::kStructuredOutputs},
    Name{"guided_json", Member::kGuidedJson},
    Name{"json_schema", Member::kJsonSchema},
};

// Go's encoding/json takes members whatever their letters' case, so `Model` names a model to a server written in it.
Member member_of(std::string_view name, Member inside) {
  if (inside == Member::kOther && http::equal_ignoring_case(name, "model")) return Member::kModel;
  for (const Name& known : kNames) {
    if (known.inside == inside && known.name == name) return known.member;
  }
  return Member::kOther;
}

// Of "\u006d", too; 16 and more: it is none.
constexpr unsigned hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a') + 10 : 16;
}

// Ignored before JSON by those who read bytes into text first (RFC 8259 8.1 lets them).
constexpr std::string_view kLeadingMark = "\xef\xbb\xbf";

// Something is looked for in it, where it is an object.
constexpr bool is_looked_into(Member member) {
  return std::any_of(kNames.begin(), kNames.end(), [member](const Name& name) { return name.inside == member; });
}

// The member that it stands in; kOther: the top.
Member around(Member member) {
  const auto is = [member](const Name& name) { return name.member == member; };
  const auto* const name = std::find_if(kNames.begin(), kNames.end(), is);
  return name == kNames.end() ? Member::kOther : name->inside;
}

}  // namespace

RequestScan::Found RequestScan::next(std::string_view& bytes) {
  Found found;
  for (;;) {
    if (ended_ && end_value(found)) return found;
    if (at_ == At::kEnd) bytes = {};
    if (bytes.empty() || announces(bytes.front(), found)) return found;
    step(bytes);
  }
}

bool RequestScan::end_value(Found& found) {
  ended_ = false;
  if (member_ == Member::kOther) return false;
  found = {.what = What::kValueEnd, .member = member_};
  return true;
}

bool RequestScan::announces(char c, Found& found) {
  if (announced_ || is_space(c)) return false;
  if (at_ == At::kValue && member_ != Member::kOther && !ends_scalar(c) && c != ':') {
    found = {.what = What::kValue, .member = member_, .first = c};
  } else if ((at_ == At::kFirstName || at_ == At::kComma) && c == '}') {
    found = {.what = What::kObjectEnd, .member = inside_, .empty = empty_};
  } else {
    return false;
  }
  announced_ = true;
  return true;
}

void RequestScan::step(std::string_view& bytes) {
  announced_ = false;
  const char c = bytes.front();
  switch (at_) {
    case At::kString:
      if (skip_string(bytes)) close_value();
      return;
    case At::kScalar:
      if (ends_scalar(c)) return close_value();
      if (word_size_ < word_.size()) word_[word_size_++] = c;
      break;
    case At::kNested:
      return take_nested(bytes);
    case At::kNestedString:
      if (skip_string(bytes)) at_ = At::kNested;
      return;
    case At::kName:
      take_name(c);
      break;
    default:
      if (!is_space(c)) take_between(c);
      break;
  }
  bytes.remove_prefix(1);
}

void RequestScan::close_value() {
  ended_ = true;
  at_ = At::kComma;
}

// What stands between names and values.
void RequestScan::take_between(char c) {
  const bool names = at_ == At::kFirstName || at_ == At::kNextName;
  if (at_ == At::kValue) {
    open_value(c);
  } else if (at_ == At::kStart && c == '{') {
    at_ = At::kFirstName;
    empty_ = true;
  } else if (at_ == At::kStart && word_size_ < kLeadingMark.size() && c == kLeadingMark[word_size_]) {
    word_[word_size_++] = c;
  } else if (names && c == '"') {
    at_ = At::kName;
    word_size_ = 0;
  } else if (at_ == At::kColon && c == ':') {
    at_ = At::kValue;
  } else if (at_ == At::kComma && c == ',') {
    at_ = At::kNextName;
  } else if (inside_ != Member::kOther && c == '}' && at_ != At::kNextName && at_ != At::kColon) {
    member_ = inside_;
    inside_ = around(member_);
    empty_ = false;
    word_size_ = 0;
    close_value();
  } else {
    at_ = At::kEnd;
  }
}

void RequestScan::take_name(char c) {
  if (hex_left_ > 0) {
    take_hex(c);
  } else if (escaped_) {
    escaped_ = false;
    if (c == 'u') {
      hex_left_ = 4;
      code_ = 0;
    } else {
      word_size_ = word_.size();  // no name that is known has one of these
    }
  } else if (c == '"') {
    member_ = member_of({word_.data(), word_size_}, inside_);
    at_ = At::kColon;
    empty_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (word_size_ < word_.size()) {
    word_[word_size_++] = c;
  }
}

// Of a letter's number in a name. Those that are known are ASCII.
void RequestScan::take_hex(char c) {
  const unsigned digit = hex_digit(c);
  code_ = code_ * 16 + digit;
  --hex_left_;
  if (digit > 15 || (hex_left_ == 0 && code_ > 0x7f)) {
    hex_left_ = 0;
    word_size_ = word_.size();
  } else if (hex_left_ == 0 && word_size_ < word_.size()) {
    word_[word_size_++] = static_cast<char>(code_);
  }
}

void RequestScan::open_value(char c) {
  word_size_ = 0;
  if (c == '"') {
    at_ = At::kString;
  } else if (c == '{' && member_ != Member::kOther && is_looked_into(member_)) {
    inside_ = member_;
    empty_ = true;
    at_ = At::kFirstName;
  } else if (c == '{' || c == '[') {
    depth_ = 1;
    at_ = At::kNested;
  } else if (ends_scalar(c) || c == ':') {
    at_ = At::kEnd;
  } else {
    at_ = At::kScalar;
    word_[word_size_++] = c;
  }
}

void RequestScan::take_nested(std::string_view& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (c == '{' || c == '[') ++depth_;
    const bool closes = (c == '}' || c == ']') && --depth_ == 0;
    if (c != '"' && !closes) continue;
    bytes.remove_prefix(i + 1);
    if (closes) return close_value();
    at_ = At::kNestedString;
    return;
  }
  bytes = {};
}

// True: past its end. Backslashes are looked for up to the next quote alone, and that is looked for once: a text of
// nothing but escapes costs no more than another.
bool RequestScan::skip_string(std::string_view& bytes) {
  std::size_t i = escaped_ ? 1 : 0;
  escaped_ = false;
  std::size_t quote = std::min(bytes.find('"', i), bytes.size());
  for (;;) {
    const std::size_t slash = bytes.substr(0, quote).find('\\', i);
    if (slash == std::string_view::npos) break;
    i = slash + 2;
    if (i > quote) quote = std::min(bytes.find('"', i), bytes.size());
  }
  escaped_ = i > bytes.size();
  const bool closed = quote < bytes.size();
  bytes.remove_prefix(closed ? quote + 1 : bytes.size());
  return closed;
}

}  // namespace weir::proxy
