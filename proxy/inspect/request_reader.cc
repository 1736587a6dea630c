#include "proxy/inspect/request_reader.h"

#include <algorithm>

#include "base/json.h"
#include "proxy/http/media_type.h"

namespace weir::proxy {

bool says_json(const http::RequestHead& request) {
  return request.framing != http::BodyFraming::kNone && !request.fields.has(http::FieldId::kContentEncoding) &&
         http::equal_ignoring_case(http::media_type(request.fields), "application/json");
}

void RequestReader::take(std::string_view bytes) {
  while (!done_ && !bytes.empty()) {
    const char* const begin = bytes.data();
    const std::size_t left = bytes.size();
    const RequestScan::Found found = scan_.next(bytes);
    // One byte beyond the limit shows that it is.
    if (in_model_) text_.append(begin, std::min(left - bytes.size(), kMostName + 1 - text_.size()));
    if (scan_.over()) done_ = true;
    if (found.member != Member::kModel) continue;
    if (found.what == RequestScan::What::kValue) in_model_ = true;
    if (found.what == RequestScan::What::kValueEnd) end_model();
  }
}

void RequestReader::end_model() {
  in_model_ = false;
  done_ = true;
  if (text_.size() > kMostName || text_.size() < 2 || text_.front() != '"') return;
  if (text_.find('\\') != std::string::npos) {
    const json::ParseResult read = json::parse(text_);
    if (!read.ok()) return;
    text_ = read.value.string();
  } else {
    text_ = text_.substr(1, text_.size() - 2);
  }
  has_model_ = true;
}

}  // namespace weir::proxy
