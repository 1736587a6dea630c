#include "config/load/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <optional>
#include <set>
#include <sstream>

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

// Where a document begins; what it says is read elsewhere.
class DocumentStart final : public YAML::EventHandler {
 public:
  const YAML::Mark& mark() const { return mark_; }

 private:
  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  YAML::Mark mark_;
};

// What follows the first document, if anything does. yaml-cpp 0.7 takes bytes that can begin no document (", a") for an
// empty one, again and again: whoever asks it for all documents waits for ever.
std::optional<SyntaxError> find_second_document(const std::string& yaml) {
  std::istringstream text(yaml);
  YAML::Parser parser(text);
  DocumentStart first;
  DocumentStart second;
  if (!parser.HandleNextDocument(first) || !parser.HandleNextDocument(second)) return std::nullopt;
  const bool stuck = second.mark().pos == first.mark().pos;
  return SyntaxError{position_of(second.mark()),
                     stuck ? "not valid YAML: nothing can begin like this" : "a second document begins here"};
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : map) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::variant<Node, SyntaxError> parse_document(std::string_view yaml) {
  try {
    const std::string text(yaml);
    if (const std::optional<SyntaxError> error = find_second_document(text)) return *error;
    Node root = Converter().convert(YAML::Load(text), 0);
    if (root.type != Node::Type::kNull || root.position.line > 0) return root;
    return Node{.type = Node::Type::kMap, .position = {1, 1}, .scalar = {}, .list = {}, .map = {}};  // an empty file
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
