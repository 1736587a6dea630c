#include "config/schema.h"

#include <string_view>

#include "config/declaration.h"

namespace weir::config {
namespace {

constexpr std::string_view kDurationPattern = "^(none|[0-9]+([.][0-9]+)?(ms|s|m|h|d))$";
constexpr std::string_view kSizePattern = "^(none|[0-9]+([.][0-9]+)?(B|KiB|MiB|GiB))$";
constexpr std::string_view kPercentPattern = "^[0-9]+([.][0-9]+)?%?$";
constexpr std::string_view kSharePattern = "^[0-9]+([.][0-9]+)?%$";
constexpr std::string_view kDegradationPattern = "^[0-9]+([.][0-9]+)?(%|ms|s|m|h|d)$";

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string reference_to(const Section& section) {
  std::string name(section.name);
  for (char& c : name) c = c == ' ' ? '-' : c;
  return "{\"$ref\": \"#/definitions/" + name + "\"}";
}

std::string pattern(std::string_view text) { return "{\"type\": \"string\", \"pattern\": " + quoted(text) + "}"; }

std::string words(const Key& key) {
  std::string list;
  for (const std::string_view word : key.words) list += (list.empty() ? "" : ", ") + quoted(word);
  return "{\"enum\": [" + list + "]}";
}

constexpr std::string_view kText = R"({"type": "string", "minLength": 1})";
constexpr std::string_view kPercentNumber = R"({"type": "number", "minimum": 0, "maximum": 100})";

std::string any_of(std::string_view a, std::string_view b) {
  return "{\"anyOf\": [" + std::string(a) + ", " + std::string(b) + "]}";
}

std::string list_of(std::string_view items) {
  return "{\"type\": \"array\", \"minItems\": 1, \"items\": " + std::string(items) + "}";
}

std::string map_of(std::string_view values) {
  return "{\"type\": \"object\", \"minProperties\": 1, \"additionalProperties\": " + std::string(values) + "}";
}

std::string type_of(const Key& key) {
  switch (key.kind) {
    case Kind::kString:
      // YAML reads a bare 1 as a number; a plan may mean it as a text.
      return R"({"type": ["string", "number"]})";
    case Kind::kBoolean:
      return R"({"type": "boolean"})";
    case Kind::kCount:
      return R"({"type": "integer", "minimum": 1})";
    case Kind::kDuration:
      return pattern(kDurationPattern);
    case Kind::kSize:
      return pattern(kSizePattern);
    case Kind::kPercent:
      return any_of(kPercentNumber, pattern(kPercentPattern));
    case Kind::kShare:
      return pattern(kSharePattern);
    case Kind::kNumber:
      return R"({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1})";
    case Kind::kDegradation:
      return pattern(kDegradationPattern);
    case Kind::kWord:
      return words(key);
    case Kind::kObject:
      return any_of(reference_to(*key.section), R"({"type": "null"})");
    case Kind::kObjectOrOff:
      return any_of(reference_to(*key.section), R"({"enum": ["off", false]})");
    case Kind::kList:
      return list_of(key.section != nullptr ? reference_to(*key.section) : kText);
    case Kind::kStringOrList:
      return any_of(kText, list_of(kText));
    case Kind::kMap:
      return map_of(key.section != nullptr ? reference_to(*key.section)
                                           : any_of(kPercentNumber, pattern(kPercentPattern)));
    case Kind::kUnsupported:
      break;
  }
  return "false";
}

std::string property(const Key& key) {
  std::string text = type_of(key);
  std::string sentence(key.sentence);
  if (!key.fallback.empty()) sentence += " Default: " + std::string(key.fallback) + ".";
  text.pop_back();
  return text + ", \"description\": " + quoted(sentence) + "}";
}

std::string object(const Section& section, std::string_view indent) {
  std::string properties;
  std::string required;
  const std::string inner = std::string(indent) + "    ";
  for (const Key& key : section.keys) {
    if (key.kind == Kind::kUnsupported) continue;
    properties += (properties.empty() ? "\n" : ",\n") + inner + quoted(key.name) + ": " + property(key);
    if (key.required) required += (required.empty() ? "" : ", ") + quoted(key.name);
  }
  const std::string margin(indent);
  std::string text = "{\n" + margin + "  \"type\": \"object\",\n" + margin +
                     "  \"description\": " + quoted(section.sentence) + ",\n" + margin +
                     "  \"additionalProperties\": false,\n";
  if (section.one_of) text += margin + "  \"minProperties\": 1, \"maxProperties\": 1,\n";
  if (!required.empty()) text += margin + "  \"required\": [" + required + "],\n";
  return text + margin + "  \"properties\": {" + properties + "\n" + margin + "  }\n" + margin + "}";
}

std::string kind_word(const Key& key) {
  switch (key.kind) {
    case Kind::kObject:
    case Kind::kObjectOrOff:
      return "[" + std::string(key.section->name) + "](#" + std::string(key.section->name) + ")" +
             (key.kind == Kind::kObjectOrOff ? " or `off`" : "");
    case Kind::kList:
      return key.section != nullptr ? "list of [" + std::string(key.section->name) + "]" : "list of texts";
    case Kind::kMap:
      return key.section != nullptr ? "map of [" + std::string(key.section->name) + "]" : "map of percentages";
    default:
      return expectation(key);
  }
}

std::string row(const Key& key) {
  const std::string fallback = key.required ? "required" : std::string(key.fallback.empty() ? "-" : key.fallback);
  return "| `" + std::string(key.name) + "` | " + kind_word(key) + " | " + fallback + " | " +
         std::string(key.sentence) + " |\n";
}

}  // namespace

std::string json_schema() {
  std::string definitions;
  for (const Section* section : sections()) {
    if (section == &plan()) continue;
    std::string name(section->name);
    for (char& c : name) c = c == ' ' ? '-' : c;
    definitions += (definitions.empty() ? "\n    " : ",\n    ") + quoted(name) + ": " + object(*section, "    ");
  }
  std::string root = object(plan(), "");
  root.pop_back();
  root.pop_back();
  return "{\n  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n  \"title\": \"A plan of Weir\"," +
         root.substr(1) + ",\n  \"definitions\": {" + definitions + "\n  }\n}\n";
}

std::string reference_markdown() {
  std::string page =
      "# The plan file\n\nGenerated from the declaration of the keys by `weir schema --reference`; do not edit.\n\n"
      "Durations and sizes need a unit; `none` is no limit. A duplicate or unknown key is an error.\n";
  for (const Section* section : sections()) {
    page += "\n## " + std::string(section->name) + "\n\n" + std::string(section->sentence) + "\n";
    if (section->one_of) page += "\nExactly one of the keys is given.\n";
    page += "\n| key | takes | default | meaning |\n|---|---|---|---|\n";
    for (const Key& key : section->keys) {
      if (key.kind != Kind::kUnsupported) page += row(key);
    }
  }
  return page;
}

}  // namespace weir::config
