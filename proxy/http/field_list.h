// Confined to one worker. The fields of one head in the order received, which is kept (RFC 9110 5.3). Storage is
// reused from message to message: once warm, adding a field allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <vector>

#include "proxy/http/field.h"

namespace weir::http {

class FieldList {
 public:
  // Walks over what has not been dropped.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    using pointer = const Field*;
    using reference = const Field&;

    Iterator() = default;
    Iterator(const Field* at, const Field* end) : at_(at), end_(end) { skip_dropped(); }
    reference operator*() const { return *at_; }
    pointer operator->() const { return at_; }
    Iterator& operator++() {
      ++at_;
      skip_dropped();
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    void skip_dropped() {
      while (at_ != end_ && at_->dropped) ++at_;
    }
    const Field* at_ = nullptr;
    const Field* end_ = nullptr;
  };

  // Whoever adds keeps to its own limit; the scanners do.
  void add(const Field& field) {
    if (fields_.size() == fields_.capacity()) grow();
    fields_.push_back(field);
    present_ |= field_bit(field.id);
  }
  // A field that was not scanned; the caller keeps both strings alive.
  void add(std::string_view name, std::string_view value) {
    add(Field{.name = name, .value = value, .id = field_id(name)});
  }

  // False is certain; true may be an already dropped kOther.
  bool has(FieldId id) const { return (present_ & field_bit(id)) != 0; }
  bool has_any(FieldMask ids) const { return (present_ & ids) != 0; }

  // The first one, or null.
  const Field* find(FieldId id) const;
  const Field* find(std::string_view name) const;
  std::string_view value(FieldId id) const {
    const Field* field = find(id);
    return field == nullptr ? std::string_view() : field->value;
  }

  void drop(FieldId id) { drop(field_bit(id)); }
  void drop(FieldMask ids);
  void drop(std::string_view name);

  Iterator begin() const { return {fields_.data(), fields_.data() + fields_.size()}; }
  Iterator end() const { return {fields_.data() + fields_.size(), fields_.data() + fields_.size()}; }
  // Dropped ones included.
  std::size_t size() const { return fields_.size(); }

  // Keeps the storage.
  void clear() {
    fields_.clear();
    present_ = 0;
  }
  // Gives the storage back, for a connection that goes idle.
  void release();

 private:
  void grow();

  std::vector<Field> fields_;
  FieldMask present_ = 0;
};

}  // namespace weir::http
