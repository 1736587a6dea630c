#include "config/load/structure.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "config/declaration.h"
#include "config/units.h"

namespace weir::config {
namespace {

bool is_number(std::string_view text, double least, double most) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > least && value < most;
}

bool is_count(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0;
}

bool scalar_fits(const Key& key, const std::string& text) {
  switch (key.kind) {
    case Kind::kString:
    case Kind::kStringOrList:
      return !text.empty();
    case Kind::kBoolean:
      return text == "true" || text == "false";
    case Kind::kCount:
      return is_count(text);
    case Kind::kDuration:
      return parse_duration(text).has_value();
    case Kind::kSize:
      return parse_size(text).has_value();
    case Kind::kPercent:
      return parse_percent_ppm(text).has_value();
    case Kind::kShare:
      return parse_share(text).has_value();
    case Kind::kNumber:
      return is_number(text, 0, 1);
    case Kind::kDegradation:
      return parse_share(text).has_value() || parse_duration(text).has_value();
    case Kind::kWord:
      return std::find(key.words.begin(), key.words.end(), text) != key.words.end();
    case Kind::kObjectOrOff:
      return text == "off" || text == "false";  // YAML 1.1 reads a bare `off` as false
    default:
      return false;
  }
}

class Checker {
 public:
  explicit Checker(Report& report) : report_(report) {}

  void object(const Node& node, const Section& section, const std::string& path) {
    std::set<std::string> seen;
    std::size_t given = 0;
    for (const Node::Entry& entry : node.map) {
      const std::string inner = path.empty() ? entry.key : path + "." + entry.key;
      if (!known(entry, section, inner, seen)) continue;
      ++given;
      value(entry.value, *section.find(entry.key), inner);
    }
    if (section.one_of && given != 1 && seen.size() == node.map.size()) {
      report_.error(node.position, path + ": not exactly one key", "one of the keys of a " + std::string(section.name));
    }
    for (const Key& key : section.keys) {
      if (key.required && node.find(key.name) == nullptr) {
        const std::string name = path.empty() ? std::string(key.name) : path + "." + std::string(key.name);
        report_.error(node.position, name + " is missing", expectation(key));
      }
    }
  }

 private:
  bool known(const Node::Entry& entry, const Section& section, const std::string& path, std::set<std::string>& seen) {
    if (entry.key == "<<") {
      report_.error(entry.position, path + ": merge keys are not read", "the keys themselves");
      return false;
    }
    if (!seen.insert(entry.key).second) {
      report_.error(entry.position, path + " is given twice", "each key once");
      return false;
    }
    const Key* const key = section.find(entry.key);
    if (key == nullptr) {
      report_.error(entry.position, path + " is no known key", {}, nearest_key(section, entry.key));
      return false;
    }
    if (key->kind == Kind::kUnsupported) {
      report_.error(entry.position, path + ": " + std::string(key->sentence) + " This version does not have it yet",
                    "the key left out");
      return false;
    }
    return true;
  }

  void value(const Node& node, const Key& key, const std::string& path) {
    if (node.type == Node::Type::kScalar && scalar_fits(key, node.scalar)) return;
    if (node.type == Node::Type::kMap) {
      if (key.kind == Kind::kObject || key.kind == Kind::kObjectOrOff) return object(node, *key.section, path);
      if (key.kind == Kind::kMap) return map(node, key, path);
    }
    if (node.type == Node::Type::kList && (key.kind == Kind::kList || key.kind == Kind::kStringOrList))
      return list(node, key, path);
    // `pause:` and `hold:` alone mean all defaults.
    if (node.type == Node::Type::kNull && key.kind == Kind::kObject)
      return object(Node{.type = Node::Type::kMap, .position = node.position, .scalar = {}, .list = {}, .map = {}},
                    *key.section, path);
    // Not even what is wrong may bring a secret into a log.
    const bool secret = key.section != nullptr && key.section->name == "secret";
    const std::string found = secret                             ? "it stands in the file itself"
                              : node.type == Node::Type::kScalar ? "\"" + node.scalar + "\""
                              : node.type == Node::Type::kNull   ? "nothing"
                                                                 : "something else";
    report_.error(node.position, path + ": " + found, secret ? "{ env: NAME } or { file: PATH }" : expectation(key));
  }

  void list(const Node& node, const Key& key, const std::string& path) {
    if (node.list.empty()) report_.error(node.position, path + " is empty", "at least one entry");
    for (std::size_t i = 0; i < node.list.size(); ++i) {
      const Node& element = node.list[i];
      const std::string inner = path + "[" + std::to_string(i) + "]";
      if (key.section != nullptr && element.type == Node::Type::kMap) {
        object(element, *key.section, inner);
      } else if (key.section != nullptr || element.type != Node::Type::kScalar || element.scalar.empty()) {
        report_.error(element.position, inner, key.section != nullptr ? "keys and values" : "a text");
      }
    }
  }

  void map(const Node& node, const Key& key, const std::string& path) {
    std::set<std::string> seen;
    if (node.map.empty()) report_.error(node.position, path + " is empty", "at least one entry");
    static const Key kWeight{"weight", Kind::kPercent, ""};
    for (const Node::Entry& entry : node.map) {
      const std::string inner = path + "." + entry.key;
      if (!seen.insert(entry.key).second) {
        report_.error(entry.position, inner + " is given twice", "each name once");
      } else if (entry.key.empty() || entry.key == "<<") {
        report_.error(entry.position, inner + " is no name", "a name");
      } else if (key.section == nullptr) {
        value(entry.value, kWeight, inner);
      } else if (entry.value.type == Node::Type::kMap) {
        object(entry.value, *key.section, inner);
      } else {
        report_.error(entry.value.position, inner, "keys and values");
      }
    }
  }

  Report& report_;
};

}  // namespace

void check_structure(const Node& root, Report& report) {
  if (root.type != Node::Type::kMap) {
    report.error(root.position, "the file is no plan", "keys and values, such as services:");
    return;
  }
  Checker(report).object(root, plan(), "");
}

}  // namespace weir::config
