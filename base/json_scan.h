// Confined to one thread. Finds the values of some paths in a JSON text that comes in pieces, and keeps nothing of it:
// for what passes by, and may be of any size. Strictly RFC 8259, but that a string's bytes need not be UTF-8. Once warm
// it allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::json {

// Immutable. Names from the root, as "choices.delta.content". An array is no step: its elements stand where it stands.
class Paths {
 public:
  // What is found is known by its place in the list.
  explicit Paths(const std::vector<std::string_view>& paths);

  using Node = std::uint8_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNowhere = 0xff;

  // kNowhere, when no path goes on with that name.
  Node child(Node node, std::string_view name) const;
  // -1: none ends there.
  int path_at(Node node) const { return node == kNowhere ? -1 : nodes_[node].path; }

 private:
  struct Entry {
    std::string name;
    Node parent = kNowhere;
    int path = -1;
  };
  // A power of two, several times as many as there are nodes.
  static constexpr std::size_t kSlots = 1'024;

  std::size_t slot(Node parent, std::string_view name) const;
  Node add(Node parent, std::string_view name);

  std::vector<Entry> nodes_;
  std::array<Node, kSlots> slots_;  // by hash; those that collide stand behind each other
};

class Scan {
 public:
  // What is found, in the order of the text; a null is nothing.
  class Sink {
   public:
    // A part of a string, unescaped; the view is valid for this call alone. `end`: it is the last one.
    virtual void on_text(int path, std::string_view piece, bool end) = 0;
    virtual void on_number(int path, double number) = 0;
    virtual void on_boolean(int path, bool value) = 0;
    // An object begins; of an array of them, each.
    virtual void on_object(int path) = 0;
    // And ends, with so many members.
    virtual void on_object_end(int, std::size_t) {}

   protected:
    ~Sink() = default;
  };

  // Arrays and objects within each other.
  static constexpr std::size_t kMaxDepth = 128;

  // Both outlive the scan.
  Scan(const Paths& paths, Sink& sink);
  ~Scan();
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  // Another text. What was found of the one before has been said already.
  void begin();
  void feed(std::string_view piece);
  // The text is over. True: it was one whole JSON value.
  bool end();
  // It went deeper than kMaxDepth: whether it is JSON is not known.
  bool too_deep() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::json
