#include "proxy/http/field_list.h"

#include <algorithm>

namespace weir::http {
namespace {

constexpr std::size_t kFirstCapacity = 24;  // what browsers and SDKs send, in one allocation

}  // namespace

const Field* FieldList::find(FieldId id) const {
  if (!has(id)) return nullptr;
  for (const Field& field : *this) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const Field* FieldList::find(std::string_view name) const {
  for (const Field& field : *this) {
    if (equal_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

void FieldList::drop(FieldMask ids) {
  if (!has_any(ids)) return;
  for (Field& field : fields_) {
    if ((field_bit(field.id) & ids) != 0) field.dropped = true;
  }
  present_ &= ~ids;
}

void FieldList::drop(std::string_view name) {
  constexpr FieldMask kOfManyNames =
      field_bit(FieldId::kOther) | field_bit(FieldId::kXForwardedOther) | field_bit(FieldId::kLookalike);
  const FieldId id = field_id(name);
  if ((field_bit(id) & kOfManyNames) == 0) return drop(id);
  for (Field& field : fields_) {
    if (equal_ignoring_case(field.name, name)) field.dropped = true;
  }
}

void FieldList::release() {
  fields_ = {};
  present_ = 0;
}

void FieldList::grow() { fields_.reserve(std::max(kFirstCapacity, 2 * fields_.capacity())); }

}  // namespace weir::http
