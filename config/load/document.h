// Immutable once parsed and rid of repeated keys. A YAML file as a tree that remembers where everything stands, and
// keeps a key that is given twice twice.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/config.h"

namespace weir::config {

struct Node {
  enum class Type { kNull, kScalar, kList, kMap };
  struct Entry;

  Type type = Type::kNull;
  Position position;
  std::string scalar;
  std::vector<Node> list;
  std::vector<Entry> map;

  // The first entry of that name, or null.
  const Node* find(std::string_view key) const;
};

struct Node::Entry {
  std::string key;
  Position position;
  Node value;
};

// A file that is no YAML: nothing behind the place can be read.
struct SyntaxError {
  Position position;
  std::string what;
};

// Aliases are expanded, up to a bound. More than one document is an error.
std::variant<Node, SyntaxError> parse_document(std::string_view yaml);

// Leaves the first entry of each key, everywhere below: what find() returns is then all there is.
void drop_repeated_keys(Node& node);

}  // namespace weir::config
