#include "proxy/inspect/request_reader.h"

#include <algorithm>

#include "base/json.h"
#include "proxy/http/media_type.h"

namespace weir::proxy {
namespace {

using config::BodyText;

std::optional<BodyText> text_of(Member member) {
  switch (member) {
    case Member::kModel:
      return BodyText::kModel;
    case Member::kUser:
      return BodyText::kUser;
    case Member::kPromptCacheKey:
      return BodyText::kPromptCacheKey;
    case Member::kSafetyIdentifier:
      return BodyText::kSafetyIdentifier;
    case Member::kConversation:
    case Member::kConversationId:
      return BodyText::kConversation;
    case Member::kMetadataUserId:
      return BodyText::kMetadataUserId;
    case Member::kMetadataSessionId:
      return BodyText::kMetadataSessionId;
    case Member::kPreviousResponseId:
      return BodyText::kPreviousResponseId;
    case Member::kInputFileId:
      return BodyText::kInputFileId;
    case Member::kResponseFormatType:
    case Member::kTextFormatType:
    case Member::kFormat:
    case Member::kOutputConfigFormatType:
    case Member::kOutputFormatType:
    case Member::kGrammarType:
      return BodyText::kAnswerFormat;
    default:
      return std::nullopt;
  }
}

// A value that begins so is a schema that the answer has to fit, or asks for any JSON.
bool is_schema(Member member, char first) {
  switch (member) {
    case Member::kFormat:
    case Member::kJsonSchema:
      return first == '{';
    case Member::kStructuredJson:
    case Member::kGuidedJson:
      return first == '{' || first == '"';  // vLLM takes a text that is one, too
    case Member::kStructuredObject:
      return first == 't';
    default:
      return false;
  }
}

}  // namespace

bool says_json(const http::RequestHead& request) {
  return request.framing != http::BodyFraming::kNone && !request.fields.has(http::FieldId::kContentEncoding) &&
         http::equal_ignoring_case(http::media_type(request.fields), "application/json");
}

void RequestReader::begin(config::BodyTextSet wanted) {
  scan_.begin();
  wanted_ = wanted;
  come_ = {};
  has_schema_ = false;
  found_ = {};
  text_.clear();
  open_.reset();
}

void RequestReader::take(std::string_view bytes) {
  while (!done() && !bytes.empty()) {
    const char* const begin = bytes.data();
    const std::size_t left = bytes.size();
    const RequestScan::Found found = scan_.next(bytes);
    if (open_) {
      // One byte beyond the limit shows that it is.
      const std::size_t room = found_[static_cast<std::size_t>(*open_)].begin + kMostText + 1 - text_.size();
      text_.append(begin, std::min(left - bytes.size(), room));
    }
    if (found.what == RequestScan::What::kValue) open(found);
    if (found.what != RequestScan::What::kValueEnd) continue;
    if (open_) {
      close();
    } else {
      end_object(found.member);
    }
  }
}

void RequestReader::open(const RequestScan::Found& found) {
  const std::optional<BodyText> which = text_of(found.member);
  if (is_schema(found.member, found.first)) has_schema_ = true;
  const bool object = found.member == Member::kConversation && found.first == '{';  // what is looked for is in it
  if (!which || object || !wanted_.has(*which) || come_.has(*which)) return;
  open_ = which;
  found_[static_cast<std::size_t>(*which)].begin = text_.size();
}

// Of two objects the first one counts, too.
void RequestReader::end_object(Member member) {
  if (member == Member::kConversation) come_.add(BodyText::kConversation);
  if (member != Member::kMetadata) return;
  come_.add(BodyText::kMetadataUserId);
  come_.add(BodyText::kMetadataSessionId);
}

// What it is no text of leaves no room behind.
void RequestReader::close() {
  Found& found = found_[static_cast<std::size_t>(*open_)];
  come_.add(*open_);
  open_.reset();
  const std::string_view raw = std::string_view(text_).substr(found.begin);
  if (raw.size() > kMostText || raw.size() < 2 || raw.front() != '"') return text_.resize(found.begin);
  if (raw.find('\\') == std::string_view::npos) {
    found = {.is_text = true, .begin = found.begin + 1, .size = raw.size() - 2};
    return;
  }
  const json::ParseResult read = json::parse(raw);
  text_.resize(found.begin);
  if (!read.ok()) return;
  const std::string meant(read.value.string());
  text_ += meant;
  found = {.is_text = true, .begin = found.begin, .size = meant.size()};
}

bool RequestReader::settles(const config::BodyNeeds& needs) const {
  if (scan_.over()) return true;
  if (!come_.has_all(needs.all)) return false;
  for (std::size_t i = 0; i < needs.count; ++i) {
    if (!come_.has(needs.first_of[i])) return false;
    if (!text(needs.first_of[i]).value_or("").empty()) return true;
  }
  return true;
}

bool RequestReader::asks_json() const {
  const std::string_view format = text(BodyText::kAnswerFormat).value_or("");
  return has_schema_ || format == "json" || format == "json_object" || format == "json_schema";
}

std::optional<std::string_view> RequestReader::text(BodyText which) const {
  const Found& found = found_[static_cast<std::size_t>(which)];
  return found.is_text ? std::optional(std::string_view(text_).substr(found.begin, found.size)) : std::nullopt;
}

config::BodyTexts RequestReader::texts() const {
  config::BodyTexts texts;
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = text(static_cast<BodyText>(i)).value_or("");
  return texts;
}

}  // namespace weir::proxy
