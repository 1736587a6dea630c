#include "proxy/inspect/answer_digest.h"

#include "proxy/http/media_type.h"

namespace weir::proxy {
namespace {

// "application/json", "application/problem+json"; what is compressed cannot be read.
bool says_json(const http::ResponseHead& head) {
  if (head.fields.has(http::FieldId::kContentEncoding)) return false;
  const std::string_view type = http::media_type(head.fields);
  constexpr std::string_view kSuffix = "+json";
  return http::equal_ignoring_case(type, "application/json") ||
         (type.size() > kSuffix.size() && http::equal_ignoring_case(type.substr(type.size() - kSuffix.size()), kSuffix));
}

}  // namespace

void AnswerDigest::begin(BodyObserver* also) {
  also_ = also;
  bytes_ = 0;
  all_.reset();
  words_.reset();
  kept_limit_ = 0;
  kept_.clear();
  held_ = {};
  type_.clear();
  reads_ = false;
  json_ = JsonForm::kNone;
  value_.reset();
}

void AnswerDigest::keep(std::size_t bytes, HeldBytes::Counter held) {
  kept_limit_ = bytes;
  std::string().swap(kept_);
  held_ = HeldBytes(std::move(held));
}

std::string AnswerDigest::take_kept() {
  held_ = {};
  return std::move(kept_);
}

void AnswerDigest::on_response_head(const http::ResponseHead& head) {
  reads_ = says_json(head);
  if (kept_limit_ > 0) type_ = http::media_type(head.fields);
  if (reads_) {
    if (reader_ == nullptr) reader_ = std::make_unique<json::Fingerprint>();
    reader_->begin();
  }
  if (also_ != nullptr) also_->on_response_head(head);
}

void AnswerDigest::on_data(std::string_view data, std::uint64_t elapsed_us) {
  bytes_ += data.size();
  all_.add(data);
  if (kept_.size() < kept_limit_) {
    kept_.append(data.substr(0, kept_limit_ - kept_.size()));
    held_.set(kept_.capacity());
  }
  if (reads_) reader_->feed(data);
  if (also_ != nullptr) also_->on_data(data, elapsed_us);
}

void AnswerDigest::on_end(bool complete) {
  // Of an answer without a body, as to HEAD, nothing is to be said; nor of half of one.
  if (reads_ && complete && bytes_ > 0) {
    value_ = reader_->end();
    if (!reader_->too_deep()) json_ = value_ ? JsonForm::kValid : JsonForm::kInvalid;
  }
  if (also_ != nullptr) also_->on_end(complete);
}

Likeness AnswerDigest::likeness(const AnswerDigest& other) const {
  if (bytes_ == other.bytes_ && all_.value() == other.all_.value()) return Likeness::kIdentical;
  const bool both_speak = !words_.empty() && !other.words_.empty();
  if (both_speak) return words_.value() == other.words_.value() ? Likeness::kEqual : Likeness::kDifferent;
  return value_ && value_ == other.value_ ? Likeness::kEqual : Likeness::kDifferent;
}

}  // namespace weir::proxy
