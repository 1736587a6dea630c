#include "proxy/http/head.h"

#include <utility>

namespace weir::http {

void RequestHead::clear() {
  FieldList kept = std::move(fields);
  kept.clear();
  *this = RequestHead();
  fields = std::move(kept);
}

void ResponseHead::clear() {
  FieldList kept = std::move(fields);
  kept.clear();
  *this = ResponseHead();
  fields = std::move(kept);
}

}  // namespace weir::http
