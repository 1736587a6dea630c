#include "app/feedback/fate.h"

namespace weir::app {

std::string_view to_string(ScoreFate fate) {
  switch (fate) {
    case ScoreFate::kCounted:
      return "counted";
    case ScoreFate::kUnjudged:
      return "unjudged";
    case ScoreFate::kLate:
      return "late";
    case ScoreFate::kUndeclared:
      return "undeclared";
    case ScoreFate::kDuplicate:
      return "duplicate";
    case ScoreFate::kSurplus:
      return "surplus";
    case ScoreFate::kEarly:
      return "early";
    case ScoreFate::kUnknown:
      return "unknown";
    case ScoreFate::kExpired:
      return "expired";
    case ScoreFate::kMixed:
      break;
  }
  return "mixed";
}

}  // namespace weir::app
