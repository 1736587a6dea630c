#include "app/feedback/dialects.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace weir::app {
namespace {

using json::Value;

bool has(const Value& object, std::string_view name) { return !object[name].is_null(); }

// Copies what is there under another name.
void take(ScoreFields& into, std::string_view name, const Value& value) {
  if (!value.is_null()) into.set(name, value);
}

// Langfuse, POST /api/public/scores: camelCase, `stringValue` for words.
ScoreFields of_langfuse(const Value& score) {
  ScoreFields fields;
  take(fields, "trace_id", score["traceId"]);
  take(fields, "session_id", score["sessionId"]);
  take(fields, "name", score["name"]);
  take(fields, "value", score["value"]);
  take(fields, "source", score["source"]);
  return fields;
}

// LangSmith, POST /feedback: `key` and `score`; a word comes as `value`. A run is known by its id only to whoever sent
// that as x-request-id; its `session_id` is a project.
ScoreFields of_langsmith(const Value& feedback) {
  ScoreFields fields;
  take(fields, "request_id", feedback["run_id"]);
  take(fields, "trace_id", feedback["trace_id"]);
  take(fields, "name", feedback["key"]);
  take(fields, "value", has(feedback, "score") ? feedback["score"] : feedback["value"]);
  take(fields, "source", feedback["feedback_source"]["type"]);
  return fields;
}

// Phoenix, POST /v1/trace_annotations and /v1/span_annotations: the verdict is in `result`. A span is known by its id
// only to whoever sent that as x-request-id.
ScoreFields of_phoenix(const Value& annotation) {
  ScoreFields fields;
  take(fields, "trace_id", annotation["trace_id"]);
  take(fields, "request_id", annotation["span_id"]);
  take(fields, "name", annotation["name"]);
  const Value& result = annotation["result"];
  take(fields, "value", has(result, "score") ? result["score"] : result["label"]);
  const Value& identifier = annotation["identifier"];
  take(fields, "source", identifier.string().empty() ? annotation["annotator_kind"] : identifier);
  return fields;
}

// MLflow 3, assessments of a trace, by its REST API or as log_feedback() has them.
ScoreFields of_mlflow(const Value& assessment) {
  ScoreFields fields;
  take(fields, "trace_id", assessment["trace_id"]);
  take(fields, "name", has(assessment, "assessment_name") ? assessment["assessment_name"] : assessment["name"]);
  take(fields, "value", has(assessment, "feedback") ? assessment["feedback"]["value"] : assessment["value"]);
  take(fields, "source", assessment["source"]["source_id"]);
  return fields;
}

// Portkey, POST /v1/feedback: no name, whole numbers from -10 to 10, which become 0 to 1.
ScoreFields of_portkey(const Value& feedback) {
  ScoreFields fields;
  take(fields, "trace_id", feedback["trace_id"]);
  fields.set("name", "feedback");
  const Value& value = feedback["value"];
  take(fields, "value", value.is_number() ? Value((value.number() + 10) / 20) : value);
  take(fields, "weight", feedback["weight"]);
  return fields;
}

// An attribute's value; OTLP's JSON writes whole numbers as texts.
Value any_value(const Value& value) {
  for (const std::string_view kind : {"doubleValue", "boolValue", "stringValue"}) {
    if (has(value, kind)) return value[kind];
  }
  const Value& whole = value["intValue"];
  if (whole.string().empty()) return whole;
  json::ParseResult number = json::parse(whole.string());
  return number.ok() && number.value.is_number() ? std::move(number.value) : Value();
}

// An event `gen_ai.evaluation.result` of OpenTelemetry's semantic conventions.
ScoreFields of_evaluation(const Value& record) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kNames{
      {{"gen_ai.evaluation.name", "name"},
       {"gen_ai.evaluation.score.label", "value"},
       {"gen_ai.evaluation.score.value", "value"},
       {"gen_ai.response.id", "response_id"}}};
  ScoreFields fields;
  take(fields, "trace_id", record["traceId"]);
  for (const auto& [attribute, name] : kNames) {
    for (const Value& entry : record["attributes"].array()) {
      if (entry["key"].string() == attribute) take(fields, name, any_value(entry["value"]));
    }
  }
  return fields;
}

// Whether it is such an event. Before OTLP's logs had `eventName` an attribute named it, and exporters that are as old
// write that still; where no event is named the other attributes say what it is.
bool is_evaluation(const Value& record) {
  constexpr std::string_view kEvent = "gen_ai.evaluation.result";
  if (const std::string name = record["eventName"].string(); !name.empty()) return name == kEvent;
  bool evaluates = false;
  for (const Value& entry : record["attributes"].array()) {
    const std::string key = entry["key"].string();
    if (key == "event.name") return any_value(entry["value"]).string() == kEvent;
    evaluates = evaluates || key == "gen_ai.evaluation.name";
  }
  return evaluates;
}

std::vector<ScoreFields> of_logs(const Value& request) {
  std::vector<ScoreFields> scores;
  for (const Value& resource : request["resourceLogs"].array()) {
    for (const Value& scope : resource["scopeLogs"].array()) {
      for (const Value& record : scope["logRecords"].array()) {
        if (is_evaluation(record)) scores.push_back(of_evaluation(record));
      }
    }
  }
  return scores;
}

ScoreFields of_one(const Value& posted) {
  if (has(posted, "traceId") || has(posted, "sessionId")) return of_langfuse(posted);
  if (posted["result"].is_object()) return of_phoenix(posted);
  if (posted["assessment"].is_object()) return of_mlflow(posted["assessment"]);
  if (has(posted["source"], "source_type")) return of_mlflow(posted);
  if (has(posted, "key")) return of_langsmith(posted);
  if (has(posted, "trace_id") && has(posted, "value") && !has(posted, "name")) return of_portkey(posted);
  return posted.object();
}

}  // namespace

std::vector<ScoreFields> fields_of(const Value& posted) {
  if (has(posted, "resourceLogs")) return of_logs(posted);
  if (!has(posted, "data")) return {of_one(posted)};
  std::vector<ScoreFields> scores;
  for (const Value& annotation : posted["data"].array()) scores.push_back(of_one(annotation));
  return scores;
}

}  // namespace weir::app
