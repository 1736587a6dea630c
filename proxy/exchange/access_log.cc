#include "proxy/exchange/access_log.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/hex.h"
#include "proxy/exchange/forwarded.h"
#include "proxy/observe/redact.h"

namespace weir::proxy {
namespace {

using config::LogField;
using config::LogPart;

bool of_request(LogField field) {
  return field == LogField::kMethod || field == LogField::kHost || field == LogField::kPath ||
         field == LogField::kProtocol || field == LogField::kUserAgent || field == LogField::kHeader;
}

// What a line says of a request.
struct Said {
  const http::RequestHead& request;
  const http::FieldList* shown;
};

void append_header(const Said& said, const LogPart& part, const config::AccessLog& log, std::string& out) {
  const http::FieldList& fields = said.shown != nullptr ? *said.shown : said.request.fields;
  const http::Field* const field = fields.find(part.header);
  if (field == nullptr || (said.shown == nullptr && is_own_field(field->id))) return;
  if (names_secret(part.header, log.redact)) {
    out += kRedacted;
  } else {
    append_redacted_url(field->value, log.redact, out);  // Referer, and whatever else names a place
  }
}

void append_of_request(const Said& said, const LogPart& part, const config::AccessLog& log, std::string& out) {
  const http::RequestHead& request = said.request;
  switch (part.field) {
    case LogField::kMethod:
      out += request.method;
      return;
    case LogField::kHost:
      out += request.authority;
      return;
    case LogField::kPath:
      // As it came: of an absolute-form target what stands behind the authority.
      append_redacted_path(request.path, log.redact, out);
      if (!request.has_query) return;
      out += '?';
      append_redacted_query(request.query, log.redact, out);
      return;
    case LogField::kProtocol:
      if (request.minor_version >= 0) out += request.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1";
      return;
    default:
      append_header(said, part, log, out);
  }
}

// How a value is written.
struct Escapes {
  std::string_view before_hex;
  char delimiter = 0;  // no value has it but escaped; 0: there is none
  bool spaces = true;  // they stay
};

// Whatever a client sent, a line stays a line, and a value one value: nothing but visible ASCII and spaces goes out as
// it came, least of all what would end the text around it.
void append_escaped(std::string_view value, const Escapes& escapes, std::string& out) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f || c == escapes.delimiter || (c == ' ' && !escapes.spaces)) {
      out += escapes.before_hex;
      append_hex(byte, out);
    } else {
      out += c;
    }
  }
}

std::uint64_t since(SteadyTime start) {
  const auto passed = std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now() - start).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(1, passed));
}

void append_number(std::uint64_t number, std::string& out) {
  std::array<char, 20> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

// `parts` of which `per`, a power of ten, are one.
void append_parts(std::uint64_t parts, std::uint64_t per, std::string& out) {
  append_number(parts / per, out);
  out += '.';
  for (std::uint64_t unit = per / 10; unit != 0; unit /= 10) out += static_cast<char>('0' + parts / unit % 10);
}

// Microseconds as milliseconds.
void append_ms(std::uint64_t us, std::string& out) { append_parts(us, 1'000, out); }

// In the words of the outcomes; an answer that was given up has none.
std::string_view word_of(Ending ending) {
  switch (ending) {
    case Ending::kOpen:
      break;
    case Ending::kOk:
      return to_string(OutcomeClass::kOk);
    case Ending::kTruncated:
      return to_string(OutcomeClass::kTruncated);
    case Ending::kError:
      return to_string(OutcomeClass::kErrorEvent);
    case Ending::kCapacity:
      return to_string(OutcomeClass::kCapacity);
  }
  return {};
}

}  // namespace

struct AccessLog::Value {
  enum class Kind : std::uint8_t { kNone, kText, kNumber, kMicroseconds, kMillionths };
  Kind kind = Kind::kNone;
  std::string_view text = {};
  std::uint64_t number = 0;

  static Value of(std::string_view text) { return {text.empty() ? Kind::kNone : Kind::kText, text, 0}; }
  static Value count(std::uint64_t number) { return {Kind::kNumber, {}, number}; }
  static Value count(std::optional<std::uint64_t> number) { return number ? count(*number) : Value(); }
  static Value millionths(std::optional<std::uint64_t> of) {
    return of ? Value{Kind::kMillionths, {}, *of} : Value();
  }
  static Value duration(std::uint64_t us) { return {us == 0 ? Kind::kNone : Kind::kMicroseconds, {}, us}; }
};

void AccessLog::begin(const http::RequestHead& request, RequestContext& context, const http::FieldList* shown) {
  if (free_.empty()) {
    context.log = std::make_unique<LogEntry>();
  } else {
    context.log = std::move(free_.back());
    free_.pop_back();
  }
  LogEntry& entry = *context.log;
  entry.text.clear();
  const config::AccessLog& log = *context.topology->access_log;
  for (std::size_t i = 0; i < log.format.parts.size(); ++i) {
    const LogPart& part = log.format.parts[i];
    const std::size_t before = entry.text.size();
    if (of_request(part.field)) append_of_request({request, shown}, part, log, entry.text);
    if (entry.text.size() - before > kMostValue) entry.text.resize(before + kMostValue);
    entry.ends[i] = static_cast<std::uint32_t>(entry.text.size());
  }
}

void AccessLog::end(RequestContext& context, const Traffic& traffic) {
  const config::AccessLog& log = *context.topology->access_log;
  const bool failed = context.status >= 500 || context.error.has_value();
  std::unique_ptr<LogEntry> entry = std::move(context.log);
  if (failed || log.sample_ppm == kMillion || random_.below(kMillion) < log.sample_ppm) {
    line_.clear();
    std::uint32_t begin = 0;
    if (log.format.json) line_ += '{';
    for (std::size_t i = 0; i < log.format.parts.size(); ++i) {
      const LogPart& part = log.format.parts[i];
      const std::uint32_t end = entry->ends[i];
      const Value value = of_request(part.field) ? Value::of(std::string_view(entry->text).substr(begin, end - begin))
                                                 : value_of(part, context, traffic);
      begin = end;
      if (log.format.json) {
        write_json(part, value);
      } else {
        line_ += part.before;
        write_text(part, value);
      }
    }
    line_ += log.format.json ? "}" : std::string_view(log.format.after);
    line_ += '\n';
    lines_.push(line_);
  }
  free_.push_back(std::move(entry));
}

AccessLog::Value AccessLog::value_of(const LogPart& part, const RequestContext& context, const Traffic& traffic) {
  switch (part.field) {
    case LogField::kTime:
      return Value::of(time_text());
    case LogField::kClient:
      return Value::of(write_ip(context.client, address_));
    case LogField::kPeer:
      return Value::of(write_ip(ip_bytes(traffic.peer), address_));
    case LogField::kListener:
      return Value::of(traffic.listener);
    case LogField::kScheme:
      return Value::of(traffic.scheme);
    case LogField::kStatus:
      return context.status == 0 ? Value() : Value::count(static_cast<std::uint64_t>(context.status));
    case LogField::kService:
      return context.service == nullptr ? Value() : Value::of(context.service->name);
    case LogField::kRoute:
      return context.route == nullptr ? Value() : Value::of(context.route->name);
    case LogField::kReason:
      return Value::of(context.reason);
    case LogField::kBytesIn:
      return Value::count(traffic.bytes_in);
    case LogField::kBytesOut:
      return Value::count(traffic.bytes_out);
    case LogField::kDuration:
      return context.clock.started() == SteadyTime() ? Value() : Value::duration(since(context.clock.started()));
    case LogField::kRequestId:
      return Value::of(context.request_id);
    case LogField::kApiKey:
      return Value::of(context.api_key);
    case LogField::kModel:
      return Value::of(context.model());
    case LogField::kTraceId:
      return Value::of(context.trace.id());
    default:
      return context.version == nullptr ? Value() : value_of_version(part, context);
  }
}

// What only a request has that was assigned to a version.
AccessLog::Value AccessLog::value_of_version(const LogPart& part, const RequestContext& context) {
  switch (part.field) {
    case LogField::kClass:
      return Value::of(to_string(context.classify()));
    case LogField::kVersion:
      return Value::of(context.version->name);
    case LogField::kStep:
      return context.assignment.step == 0 ? Value() : Value::count(context.assignment.step);
    case LogField::kAssigned:
      return Value::of(to_string(context.assignment.reason));
    case LogField::kAttempts:
      return Value::count(context.attempts);
    case LogField::kRescuedBy:
      return context.rescued ? Value::of(context.answering->name) : Value();
    case LogField::kHeaders:
      return Value::duration(context.time_to_headers_us);
    case LogField::kLatency:
      return Value::duration(context.latency_us);
    default:
      return context.answer == nullptr || !context.answer->known ? Value() : value_of_answer(part, context);
  }
}

// Of the answer that the client got, whoever gave it.
AccessLog::Value AccessLog::value_of_answer(const LogPart& part, const RequestContext& context) {
  const AnswerFacts& answer = *context.answer;
  switch (part.field) {
    case LogField::kAnswer:
      return Value::of(word_of(answer.ending));
    case LogField::kResponseModel:
      return Value::of(answer.model());
    case LogField::kFinishReason:
      return answer.finish == FinishReason::kNone ? Value() : Value::of(to_string(answer.finish));
    case LogField::kFirstOutput:
      return Value::duration(answer.first_output_us);
    case LogField::kChunkGap:
      return Value::duration(answer.mean_gap_us());
    case LogField::kTokensIn:
      return Value::count(answer.tokens_in);
    case LogField::kTokensOut:
      return Value::count(answer.tokens_out);
    case LogField::kTokensCached:
      return answer.tokens_in ? Value::count(answer.tokens_cached) : Value();
    case LogField::kTokensReasoning:
      return answer.tokens_out ? Value::count(answer.tokens_reasoning) : Value();
    case LogField::kCost:
      return Value::millionths(context.cost_micros());
    default:
      return {};
  }
}

// As log::iso_time() has it; but for the milliseconds it is made once a second.
std::string_view AccessLog::time_text() {
  constexpr std::size_t kMillis = sizeof "2026-11-23T10:15:30." - 1;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto second = static_cast<std::time_t>(unix_ms / 1'000);
  if (second != second_) {
    std::tm parts{};
    ::gmtime_r(&second, &parts);
    std::strftime(time_.data(), time_.size(), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    second_ = second;
  }
  for (std::size_t i = 0; i < 3; ++i)
    time_[kMillis + 2 - i] = static_cast<char>('0' + unix_ms / (i == 0 ? 1 : i == 1 ? 10 : 100) % 10);
  return {time_.data(), kMillis + 4};
}

void AccessLog::write_json(const LogPart& part, const Value& value) {
  if (value.kind == Value::Kind::kNone) return;
  if (line_.size() > 1) line_ += ',';
  line_ += '"';
  line_ += part.name;
  line_ += "\":";
  if (value.kind == Value::Kind::kNumber) return append_number(value.number, line_);
  if (value.kind == Value::Kind::kMicroseconds) return append_ms(value.number, line_);
  if (value.kind == Value::Kind::kMillionths) return append_parts(value.number, kMillion, line_);
  line_ += '"';
  append_escaped(value.text, {.before_hex = "\\u00"}, line_);
  line_ += '"';
}

void AccessLog::write_text(const LogPart& part, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNone:
      line_ += '-';
      return;
    case Value::Kind::kText:
      return append_escaped(value.text, {.before_hex = "\\x", .delimiter = part.delimiter, .spaces = part.quoted},
                            line_);
    case Value::Kind::kNumber:
      return append_number(value.number, line_);
    case Value::Kind::kMicroseconds:
      return append_ms(value.number, line_);
    case Value::Kind::kMillionths:
      return append_parts(value.number, kMillion, line_);
  }
}

}  // namespace weir::proxy
