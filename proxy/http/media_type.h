// Pure functions. What kind of content a message says that it has.
#pragma once

#include <string_view>

#include "proxy/http/field_list.h"

namespace weir::http {

// "type/subtype" of Content-Type, in any case and without parameters (RFC 9110 8.3.1); empty where there is none.
inline std::string_view media_type(const FieldList& fields) {
  const std::string_view value = fields.value(FieldId::kContentType);
  const std::string_view type = value.substr(0, value.find(';'));
  return type.substr(0, type.find_last_not_of(" \t") + 1);
}

}  // namespace weir::http
