#include "proxy/exchange/inspection.h"

#include <array>

#include "proxy/http/media_type.h"

namespace weir::proxy {
namespace {

// Paths of the OpenAI API whose streams say their tokens when they are asked to: /v1/chat/completions and
// /v1/completions, wherever a server has them.
constexpr std::string_view kCompletions = "/completions";

// Longer than any that a message can have: no sum overflows.
constexpr std::uint64_t kLongest = std::uint64_t{1} << 62;

bool is_type(const http::FieldList& fields, std::string_view type) {
  return http::equal_ignoring_case(http::media_type(fields), type);
}

bool forbids_changes(const http::RequestHead& request) {
  // Fields that speak of the body's very bytes: RFC 9530, its predecessors, AWS' signature, Triton's binary tensors.
  constexpr std::array<std::string_view, 6> kOfBytes = {
      "content-digest", "repr-digest", "digest", "content-md5", "x-amz-content-sha256", "inference-header-content-length"};
  for (const std::string_view name : kOfBytes) {
    if (request.fields.find(name) != nullptr) return true;
  }
  for (const http::Field& field : request.fields) {
    // RFC 9111 5.2.1.6, RFC 9110 7.7.
    const bool control = http::equal_ignoring_case(field.name, "cache-control");
    if (control && field.value.find("no-transform") != std::string_view::npos) return true;
  }
  return request.fields.has(http::FieldId::kContentEncoding);
}

}  // namespace

BodyFilter* Inspection::edit(const http::RequestHead& request, const Route& route, const VersionTopology& version) {
  edited_ = false;
  const RequestEditor::Wishes wishes{
      .include_usage = route.asks_usage && request.path.ends_with(kCompletions),
      .model = version.model,
      .length_said = request.framing == http::BodyFraming::kLength};
  if (!wishes.include_usage && wishes.model.empty()) return nullptr;
  if (request.method != "POST" || !is_type(request.fields, "application/json")) return nullptr;
  if (request.content_length > kLongest || forbids_changes(request)) return nullptr;
  editor_.begin(wishes);
  edited_ = true;
  return &editor_;
}

// Where a length was said before the body, every byte of it has to come.
BodyFilter* Inspection::filter(const http::ResponseHead& head) {
  if (!edited_ || !editor_.usage_added()) return nullptr;
  const bool free = head.framing == http::BodyFraming::kChunked || head.framing == http::BodyFraming::kUntilClose;
  if (!free || !is_type(head.fields, "text/event-stream")) return nullptr;
  if (head.fields.has(http::FieldId::kContentEncoding)) return nullptr;
  filter_.begin();
  return &filter_;
}

}  // namespace weir::proxy
