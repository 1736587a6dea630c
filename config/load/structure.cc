#include "config/load/structure.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "config/declaration.h"
#include "config/scalar.h"

namespace weir::config {
namespace {

class Checker {
 public:
  explicit Checker(Report& report) : report_(report) {}

  void object(const Node& node, const Section& section, const std::string& path) {
    const Place around = place_;
    place_ = section.place.value_or(place_);
    std::set<std::string> seen;
    std::size_t given = 0;
    for (const Node::Entry& entry : node.map) {
      const std::string inner = path.empty() ? entry.key : path + "." + entry.key;
      if (!known(entry, section, inner, seen)) continue;
      ++given;
      value(entry.value, *section.find(entry.key), inner);
    }
    place_ = around;
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
    if (entry.key.empty()) {
      report_.error(entry.position,
                    (path.size() > 1 ? path.substr(0, path.size() - 1) : "the plan") + " has a key that is no text",
                    "the name of a key");
      return false;
    }
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
    if (key->innermost < place_) {
      report_.error(entry.position, path + " is no key of a " + (place_ == Place::kRoute ? "route" : "listener"),
                    "it on " + std::string(place_words(key->innermost)));
      return false;
    }
    return true;
  }

  void value(const Node& node, const Key& key, const std::string& path) {
    if (node.type == Node::Type::kScalar && fits(key, node.scalar)) return;
    if (node.type == Node::Type::kMap) {
      const bool sections =
          key.kind == Kind::kObject || key.kind == Kind::kObjectOrOff || key.kind == Kind::kWordOrObject;
      if (sections) return object(node, *key.section, path);
      if (key.kind == Kind::kMap) return map(node, key, path);
      if (key.kind == Kind::kFields) return fields(node, path);
    }
    if (node.type == Node::Type::kList && (key.kind == Kind::kList || key.kind == Kind::kMethods))
      return list(node, key, path);
    // `pause:` and `hold:` alone mean all defaults.
    if (node.type == Node::Type::kNull && key.kind == Kind::kObject)
      return object(Node{.type = Node::Type::kMap, .position = node.position, .scalar = {}, .list = {}, .map = {}},
                    *key.section, path);
    if (node.type == Node::Type::kScalar) return refuse_scalar(node, key, path);
    report_.error(node.position, path + (node.type == Node::Type::kNull ? ": nothing" : ": something else"),
                  expectation(key));
  }

  void refuse_scalar(const Node& node, const Key& key, const std::string& path) {
    const std::string found = path + ": \"" + node.scalar + "\"";
    if (key.section != nullptr && key.section->name == "secret") {
      // Not even what is wrong may bring a secret into a log.
      report_.error(node.position, path + ": it stands in the file itself", "{ env: NAME } or { file: PATH }");
    } else if (key.kind == Kind::kFieldName && unfit_field(node.scalar)) {
      const UnfitField unfit = *unfit_field(node.scalar);
      const bool host = path.find(".match.headers[") != std::string::npos && lower_case(node.scalar) == "host";
      report_.error(
          node.position, path + ": no request can be matched by \"" + node.scalar + "\": " + std::string(unfit.why),
          host                                ? "host: in the match"
          : path.ends_with(".apiKeys.header") ? "a header for the key alone, such as x-api-key, or authorization"
                                              : std::string(unfit.instead));
    } else if (key.kind == Kind::kPattern && !pattern_fault(node.scalar).empty()) {
      report_.error(node.position, found + ": " + pattern_fault(node.scalar), expectation(key));
    } else if (key.kind == Kind::kString && !node.scalar.empty()) {
      report_.error(node.position, found,
                    "a text without control characters, of at most " + std::to_string(kMaxText) + " bytes");
    } else {
      report_.error(node.position, found, expectation(key));
    }
  }

  void list(const Node& node, const Key& key, const std::string& path) {
    static const Key kMethod{.kind = Kind::kMethods};
    if (node.list.empty()) report_.error(node.position, path + " is empty", "at least one entry");
    for (std::size_t i = 0; i < node.list.size(); ++i) {
      const Node& element = node.list[i];
      const std::string inner = path + "[" + std::to_string(i) + "]";
      if (key.section != nullptr && element.type == Node::Type::kMap) {
        object(element, *key.section, inner);
      } else if (key.section != nullptr || element.type != Node::Type::kScalar) {
        report_.error(element.position, inner, key.section != nullptr ? "keys and values" : "a text");
      } else if (key.kind == Kind::kMethods) {
        value(element, kMethod, inner);
      } else if (element.scalar.empty()) {
        report_.error(element.position, inner, "a text");  // of what is not empty more is asked where it is read
      }
    }
  }

  void map(const Node& node, const Key& key, const std::string& path) {
    std::set<std::string> seen;
    if (node.map.empty()) report_.error(node.position, path + " is empty", "at least one entry");
    static const Key kWeight{.kind = Kind::kPercent, .range = {"0", "100"}};
    static const Key kName{.kind = Kind::kName};
    for (const Node::Entry& entry : node.map) {
      const std::string inner = path + "." + entry.key;
      if (!seen.insert(entry.key).second) {
        report_.error(entry.position, inner + " is given twice", "each name once");
      } else if (entry.key.empty() || entry.key == "<<") {
        report_.error(entry.position, inner + " is no name", expectation(kName));
      } else if (key.names && !fits(kName, entry.key)) {
        report_.error(entry.position, path + ": \"" + entry.key + "\"", expectation(kName));
      } else if (key.section == nullptr) {
        value(entry.value, kWeight, inner);
      } else if (entry.value.type == Node::Type::kMap) {
        object(entry.value, *key.section, inner);
      } else {
        report_.error(entry.value.position, inner, "keys and values");
      }
    }
  }

  void fields(const Node& node, const std::string& path) {
    static const Key kValue{.kind = Kind::kString};
    std::set<std::string> seen;
    for (const Node::Entry& entry : node.map) {
      const std::string inner = path + "." + entry.key;
      if (!seen.insert(entry.key).second) {
        report_.error(entry.position, inner + " is given twice", "each name once");
      } else {
        value(entry.value, kValue, inner);
      }
    }
  }

  Report& report_;
  Place place_ = Place::kFile;  // where in the plan one is
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
