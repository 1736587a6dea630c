#include "config/schema.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "config/declaration.h"

namespace weir::config {
namespace {

using json::Array;
using json::Object;
using json::Value;

constexpr std::string_view kDuration = "[0-9]+([.][0-9]+)?(ms|s|m|h|d)";
constexpr std::string_view kSize = "[0-9]+([.][0-9]+)?(B|KiB|MiB|GiB)";
constexpr std::string_view kShare = "[0-9]+([.][0-9]+)?%";
constexpr std::string_view kPercent = "(100([.]0{1,6})?|[0-9]{1,2}([.][0-9]{1,4}0{0,2})?)%?";
constexpr std::string_view kName = "[A-Za-z0-9][A-Za-z0-9._:@+-]{0,63}";
constexpr std::string_view kToken = "[!#$%&'*+.^_`|~A-Za-z0-9-]{1,64}";
constexpr std::string_view kMethod = "(?!CONNECT$|TRACE$)[!#$%&'*+.^_`|~A-Z0-9-]{1,64}";
constexpr std::string_view kHost = "([A-Za-z0-9_-][A-Za-z0-9._-]{0,252}|\\[[0-9A-Fa-f:.]+\\])";
constexpr std::string_view kHostRule =
    "([A-Za-z0-9_-][A-Za-z0-9._-]{0,252}|[*][.][A-Za-z0-9_-][A-Za-z0-9._-]{0,252}|\\[[0-9A-Fa-f:.]+\\])";
constexpr std::string_view kPath = "/[!-\"$->@-~]*";
constexpr std::string_view kAddress = "([0-9.]*|[*]|localhost|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}";
constexpr std::string_view kUnixAddress = "unix:/[^\\u0000-\\u001f\\u007f]{0,105}[^/\\u0000-\\u001f\\u007f]";

// Whether it is not the same everywhere, so that each place has a definition of its own.
bool depends_on_place(const Section& section) {
  return std::any_of(section.keys.begin(), section.keys.end(),
                     [](const Key& key) { return key.innermost != Place::kRoute; });
}

struct Definition {
  const Section* section;
  Place place;
  bool operator==(const Definition&) const = default;
};

std::string anchor(const Section& section) {
  std::string name = lower_case(section.name);
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string name_of(const Definition& definition) {
  const std::string name = anchor(*definition.section);
  // What stands in one place alone is the same everywhere.
  const bool one = definition.section->place || !depends_on_place(*definition.section);
  if (one || definition.place == Place::kFile) return name;
  return (definition.place == Place::kListener ? "listener-" : "route-") + name;
}

Value reference_to(const Section& section, Place place) {
  return Object{{"$ref", "#/definitions/" + name_of({&section, place})}};
}

Object text(std::string_view pattern) { return {{"type", "string"}, {"pattern", "^" + std::string(pattern) + "$"}}; }

Value limited(std::string_view pattern, const Range& range) {
  return text(range.none ? "(none|" + std::string(pattern) + ")" : std::string(pattern));
}

// YAML reads a bare 1 or true as something else than the text that a plan may mean.
Value any_text() { return Object{{"type", Array{"string", "number", "boolean"}}, {"minLength", 1}}; }

Value named(std::string_view pattern) {
  return Object{{"anyOf", Array{text(pattern), Object{{"type", Array{"number", "boolean"}}}}}};
}

double number(std::string_view digits) {
  double value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

Object numeric(const Range& range) {
  return {{"type", "number"}, {"minimum", number(range.least)}, {"maximum", number(range.most)}};
}

Value percentage(const Range& range) {
  const Object zero{{"const", 0}};
  const Object some{{"type", "number"}, {"minimum", 0.0001}, {"maximum", number(range.most)}};
  return Object{{"anyOf", Array{zero, some, text(kPercent)}}};
}

Object list_of(Value items) { return {{"type", "array"}, {"minItems", 1}, {"items", std::move(items)}}; }

Value type_of(const Key& key, Place place);

Value map_of(const Key& key, Place place) {
  Object map{{"type", "object"}, {"minProperties", 1}};
  if (key.names) map.set("propertyNames", Object{{"pattern", "^" + std::string(kName) + "$"}});
  static const Key kWeight{.kind = Kind::kPercent, .range = {"0", "100"}};
  map.set("additionalProperties", key.section != nullptr ? reference_to(*key.section, place) : type_of(kWeight, place));
  return map;
}

Value quantity(const Key& key) {
  switch (key.kind) {
    case Kind::kCount: {
      Object count{{"type", "integer"},
                   {"minimum", static_cast<std::int64_t>(number(key.range.least))},
                   {"maximum", static_cast<std::int64_t>(number(key.range.most))}};
      if (!key.range.none) return count;
      return Object{{"anyOf", Array{std::move(count), Object{{"enum", Array{"none"}}}}}};
    }
    case Kind::kDuration:
      return limited(kDuration, key.range);
    case Kind::kSize:
      return limited(kSize, key.range);
    case Kind::kPercent:
      return percentage(key.range);
    case Kind::kShare:
      return text(kShare);
    case Kind::kNumber:
      return numeric(key.range);
    case Kind::kDegradation: {
      Object words = text("(" + std::string(kShare) + "|" + std::string(kDuration) + ")");
      if (key.amount.most.empty()) return words;
      return Object{{"anyOf", Array{std::move(words), numeric(key.amount)}}};
    }
    default:
      return false;
  }
}

Value type_of(const Key& key, Place place) {
  switch (key.kind) {
    case Kind::kString:
    case Kind::kPattern:
      return any_text();
    case Kind::kName:
      return named(kName);
    case Kind::kFieldName:
    case Kind::kCookieName:
      return named(kToken);
    case Kind::kMethods:
      return Object{{"anyOf", Array{text(kMethod), list_of(text(kMethod))}}};
    case Kind::kBody:
      return Object{{"type", Array{"string", "number", "boolean"}}};
    case Kind::kFields:
      return Object{{"type", "object"},
                    {"minProperties", 1},
                    {"propertyNames", Object{{"pattern", "^" + std::string(kToken) + "$"}}},
                    {"additionalProperties", any_text()}};
    case Kind::kHost:
      return named(kHost);
    case Kind::kHostRule:
      return named(kHostRule);
    case Kind::kPath:
      return text(kPath);
    case Kind::kAddress:
      return text(kAddress);
    case Kind::kListenAddress:
      return text("(" + std::string(kAddress) + "|" + std::string(kUnixAddress) + ")");
    case Kind::kBoolean:
      return Object{{"type", "boolean"}};
    case Kind::kWord:
      // YAML reads a bare true as something else than a text.
      if (key.words.front() == "true") return Object{{"enum", Array{true, "true"}}};
      return Object{{"enum", Array(key.words.begin(), key.words.end())}};
    case Kind::kObject:
      return Object{{"anyOf", Array{reference_to(*key.section, place), Object{{"type", "null"}}}}};
    case Kind::kObjectOrOff:
      return Object{{"anyOf", Array{reference_to(*key.section, place), Object{{"enum", Array{"off", false}}}}}};
    case Kind::kWordOrObject:
      return Object{{"anyOf", Array{reference_to(*key.section, place),
                                    Object{{"enum", Array(key.words.begin(), key.words.end())}}}}};
    case Kind::kList:
      return list_of(key.section != nullptr ? reference_to(*key.section, place) : any_text());
    case Kind::kMap:
      return map_of(key, place);
    default:
      return quantity(key);
  }
}

bool stands(const Key& key, Place place) { return key.kind != Kind::kUnsupported && place <= key.innermost; }

Object schema_of(const Definition& definition) {
  const Section& section = *definition.section;
  Object properties;
  Array required;
  for (const Key& key : section.keys) {
    if (!stands(key, definition.place)) continue;
    Object property = type_of(key, definition.place).object();
    std::string sentence(key.sentence);
    if (!key.fallback.empty()) sentence += " Default: " + std::string(key.fallback) + ".";
    property.set("description", sentence);
    properties.set(key.name, std::move(property));
    if (key.required) required.push_back(key.name);
  }
  Object schema{{"type", "object"}, {"description", section.sentence}, {"additionalProperties", false}};
  if (section.one_of) schema.set("minProperties", 1).set("maxProperties", 1);
  if (!required.empty()) schema.set("required", std::move(required));
  return std::move(schema.set("properties", std::move(properties)));
}

// Each section once for each place where it differs, the file first.
std::vector<Definition> definitions() {
  std::vector<Definition> found{{&plan(), Place::kFile}};
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const Key& key : found[i].section->keys) {
      if (key.section == nullptr) continue;
      const Place around = key.section->place.value_or(found[i].place);
      const bool differs = depends_on_place(*key.section) || key.section->place;
      const Definition next{key.section, differs ? around : found[i].place};
      const auto same = [&](const Definition& known) { return name_of(known) == name_of(next); };
      if (std::none_of(found.begin(), found.end(), same)) found.push_back(next);
    }
  }
  return found;
}

std::string link(const Section& section) { return "[" + std::string(section.name) + "](#" + anchor(section) + ")"; }

// As expectation(), in the few words that a table has room for.
std::string kind_words(const Key& key) {
  switch (key.kind) {
    case Kind::kObject:
      return link(*key.section);
    case Kind::kObjectOrOff:
      return link(*key.section) + " or `off`";
    case Kind::kWordOrObject: {
      std::string words;
      for (const std::string_view word : key.words) words += "`" + std::string(word) + "`, ";
      return words + "or " + link(*key.section);
    }
    case Kind::kList:
      return "list of " + (key.section != nullptr ? link(*key.section) : "texts");
    case Kind::kMap:
      return "map of " + (key.section != nullptr ? link(*key.section) : "percentages");
    case Kind::kDuration:
      return "duration" + range_words(key.range);
    case Kind::kSize:
      return "size" + range_words(key.range);
    default:
      return expectation(key);
  }
}

std::string row(const Key& key) {
  const std::string fallback = key.required ? "required" : std::string(key.fallback.empty() ? "-" : key.fallback);
  std::string meaning(key.sentence);
  const std::string_view where = place_words(key.innermost);
  if (!where.empty()) meaning += " On " + std::string(where) + ".";
  return "| `" + std::string(key.name) + "` | " + kind_words(key) + " | " + fallback + " | " + meaning + " |\n";
}

}  // namespace

std::string json_schema() {
  Object document{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "A plan of Weir"}};
  Object rest;
  for (const Definition& definition : definitions()) {
    Object schema = schema_of(definition);
    if (definition.section != &plan()) {
      rest.set(name_of(definition), std::move(schema));
      continue;
    }
    for (const auto& [name, value] : schema.members()) document.set(name, value);
  }
  return json::write_pretty(document.set("definitions", std::move(rest)));
}

std::string reference_markdown() {
  std::string page =
      "# The plan file\n\nGenerated from the declaration of the keys by `weir schema --reference`; do not edit.\n\n"
      "A duration needs a unit (ms, s, m, h, d), a size too (B, KiB, MiB, GiB); `none` is no limit, where it may "
      "stand.\n"
      "A duplicate or unknown key is an error.\n";
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
