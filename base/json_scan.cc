#include "base/json_scan.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/hash.h"
#include "base/json_pieces.h"

namespace weir::json {
namespace {

namespace bj = boost::json;

using Node = Paths::Node;

// The parser's view of a text: where in the paths each open array and object stands. What it is called for stops
// nothing.
struct Handler : Unbounded {
  Handler(const Paths& all, Scan::Sink& to) : paths(all), sink(to) {}

  bool on_document_begin(bj::error_code&) {
    depth = 0;
    at = Paths::kRoot;
    key_size = 0;
    return true;
  }
  bool on_document_end(bj::error_code&) { return true; }

  bool on_object_begin(bj::error_code&) {
    if (const int path = paths.path_at(at); path >= 0) sink.on_object(path);
    return open();
  }
  bool on_object_end(std::size_t members, bj::error_code&) {
    if (const int path = paths.path_at(opened[depth - 1]); path >= 0) sink.on_object_end(path, members);
    return close();
  }
  bool on_array_begin(bj::error_code&) { return open(); }
  bool on_array_end(std::size_t, bj::error_code&) { return close(); }

  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) {
    keep(part);
    return true;
  }
  bool on_key(bj::string_view part, std::size_t, bj::error_code&) {
    const Node parent = opened[depth - 1];
    if (parent == Paths::kNowhere) {
      at = Paths::kNowhere;
    } else if (key_size == 0) {
      at = paths.child(parent, {part.data(), part.size()});
    } else {
      keep(part);
      at = key_size > key.size() ? Paths::kNowhere : paths.child(parent, {key.data(), key_size});
    }
    key_size = 0;
    return true;
  }

  bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) { return text(part, false); }
  bool on_string(bj::string_view part, std::size_t, bj::error_code&) { return text(part, true); }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t number, bj::string_view, bj::error_code&) { return value(static_cast<double>(number)); }
  bool on_uint64(std::uint64_t number, bj::string_view, bj::error_code&) { return value(static_cast<double>(number)); }
  bool on_double(double number, bj::string_view, bj::error_code&) { return value(number); }
  bool on_bool(bool given, bj::error_code&) {
    if (const int path = paths.path_at(at); path >= 0) sink.on_boolean(path, given);
    return true;
  }
  bool on_null(bj::error_code&) { return true; }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

 private:
  bool open() {
    opened[depth++] = at;
    return true;
  }
  // Behind an element of an array comes another one at the same place; behind a member of an object comes a key.
  bool close() {
    --depth;
    at = depth > 0 ? opened[depth - 1] : Paths::kRoot;
    return true;
  }
  void keep(bj::string_view part) {
    const std::size_t room = key_size < key.size() ? key.size() - key_size : 0;
    std::copy_n(part.data(), std::min(room, part.size()), key.data() + std::min(key_size, key.size()));
    key_size += part.size();
  }
  bool text(bj::string_view part, bool end) {
    if (const int path = paths.path_at(at); path >= 0) sink.on_text(path, {part.data(), part.size()}, end);
    return true;
  }
  bool value(double number) {
    if (const int path = paths.path_at(at); path >= 0) sink.on_number(path, number);
    return true;
  }

  const Paths& paths;
  Scan::Sink& sink;
  std::size_t depth = 0;
  Node at = Paths::kRoot;                      // of the value that comes next
  std::array<Node, Scan::kMaxDepth> opened{};  // of those that have begun
  std::array<char, 64> key{};                  // of one that came in parts
  std::size_t key_size = 0;                    // as it would be: no path has a name longer than `key`
};

}  // namespace

Paths::Paths(const std::vector<std::string_view>& paths) : nodes_(1) {
  slots_.fill(kNowhere);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    Node node = kRoot;
    for (std::string_view rest = paths[i]; !rest.empty();) {
      const std::size_t dot = std::min(rest.find('.'), rest.size());
      node = add(node, rest.substr(0, dot));
      rest.remove_prefix(std::min(dot + 1, rest.size()));
    }
    nodes_[node].path = static_cast<int>(i);
  }
}

Paths::Node Paths::child(Node node, std::string_view name) const { return slots_[slot(node, name)]; }

// Where it is, or would be.
std::size_t Paths::slot(Node parent, std::string_view name) const {
  for (std::size_t at = xxh3_64(name) + parent;; ++at) {
    const Node node = slots_[at % kSlots];
    if (node == kNowhere || (nodes_[node].parent == parent && nodes_[node].name == name)) return at % kSlots;
  }
}

Paths::Node Paths::add(Node parent, std::string_view name) {
  Node& known = slots_[slot(parent, name)];
  if (known != kNowhere) return known;
  assert(nodes_.size() < kNowhere);
  known = static_cast<Node>(nodes_.size());
  nodes_.push_back({std::string(name), parent, -1});
  return known;
}

struct Scan::State {
  State(const Paths& paths, Sink& sink) : text(paths, sink) {}

  PieceParser<Handler> text;
};

Scan::Scan(const Paths& paths, Sink& sink) : state_(std::make_unique<State>(paths, sink)) {}

Scan::~Scan() = default;

void Scan::begin() { state_->text.begin(); }
void Scan::feed(std::string_view piece) { state_->text.feed(piece); }
bool Scan::end() { return state_->text.end(); }
bool Scan::too_deep() const { return state_->text.too_deep(); }

}  // namespace weir::json
