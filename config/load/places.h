// Pure functions. Where something stands in the document, for checks that look at values of a Config.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "config/load/document.h"

namespace weir::config {

// The place of a value deep in the document; the nearest that is there.
inline Position place(const Node& root, std::initializer_list<std::string_view> path) {
  const Node* at = &root;
  for (const std::string_view key : path) {
    const Node* const next = at->find(key);
    if (next == nullptr) break;
    at = next;
  }
  return at->position;
}

// The value itself, or null.
inline const Node* find(const Node& root, std::initializer_list<std::string_view> path) {
  const Node* at = &root;
  for (const std::string_view key : path) {
    if (at != nullptr) at = at->find(key);
  }
  return at;
}

// The element of a list, or one that says nothing.
inline const Node& element(const Node* list, std::size_t index) {
  static const Node kNothing;
  return list != nullptr && index < list->list.size() ? list->list[index] : kNothing;
}

template <class Map>
std::string names_of(const Map& map) {
  std::string names;
  for (const auto& [name, value] : map) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace weir::config
