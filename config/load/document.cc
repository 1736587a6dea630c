#include "config/load/document.h"

#include <yaml-cpp/yaml.h>

#include <set>

namespace weir::config {
namespace {

// A plan has hundreds of nodes; aliases of aliases could make billions.
constexpr std::size_t kMaxNodes = 200'000;
constexpr int kMaxDepth = 64;

struct TooLarge {};
struct TooDeep {
  Position position;
};

Position position_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

class Converter {
 public:
  Node convert(const YAML::Node& yaml, int depth) {
    if (++nodes_ > kMaxNodes) throw TooLarge();
    if (depth > kMaxDepth) throw TooDeep{position_of(yaml.Mark())};
    Node node;
    node.position = position_of(yaml.Mark());
    switch (yaml.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        node.type = Node::Type::kScalar;
        node.scalar = yaml.Scalar();
        break;
      case YAML::NodeType::Sequence:
        node.type = Node::Type::kList;
        for (const YAML::Node& element : yaml) node.list.push_back(convert(element, depth + 1));
        break;
      case YAML::NodeType::Map:
        node.type = Node::Type::kMap;
        for (const auto& entry : yaml) {
          const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
          node.map.push_back({key, position_of(entry.first.Mark()), convert(entry.second, depth + 1)});
        }
        break;
    }
    return node;
  }

 private:
  std::size_t nodes_ = 0;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : map) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::variant<Node, SyntaxError> parse_document(std::string_view yaml) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
    if (documents.empty())
      return Node{.type = Node::Type::kMap, .position = {1, 1}, .scalar = {}, .list = {}, .map = {}};
    if (documents.size() > 1) return SyntaxError{position_of(documents[1].Mark()), "a second document begins here"};
    return Converter().convert(documents.front(), 0);
  } catch (const YAML::Exception& error) {
    return SyntaxError{position_of(error.mark), "not valid YAML: " + error.msg};
  } catch (const TooDeep& error) {
    return SyntaxError{error.position, "nested more than " + std::to_string(kMaxDepth) + " deep"};
  } catch (const TooLarge&) {
    return SyntaxError{{1, 1}, "too large: aliases expand to more than a plan can need"};
  }
}

void drop_repeated_keys(Node& node) {
  std::set<std::string> seen;
  std::vector<Node::Entry> first;
  for (Node::Entry& entry : node.map) {
    if (seen.insert(entry.key).second) first.push_back(std::move(entry));
  }
  node.map = std::move(first);
  for (Node::Entry& entry : node.map) drop_repeated_keys(entry.value);
  for (Node& element : node.list) drop_repeated_keys(element);
}

}  // namespace weir::config
