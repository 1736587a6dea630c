#include "config/load/load.h"

#include "config/load/consistency.h"
#include "config/load/document.h"
#include "config/load/read.h"
#include "config/load/report.h"
#include "config/load/structure.h"

namespace weir::config {

LoadResult load(std::string_view yaml, const Environment& environment) {
  Report report;
  LoadResult result;
  const std::variant<Node, SyntaxError> parsed = parse_document(yaml);
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    report.error(error->position, error->what);
    result.problems = report.take();
    return result;
  }
  const Node& root = std::get<Node>(parsed);
  // All three look at the whole file, whatever the one before has found: what cannot be read is left at its default,
  // and what is missing is not complained of twice.
  check_structure(root, report);
  Config config = read_config(root, environment, report);
  check_consistency(config, root, report);
  if (!report.has_errors()) result.config = std::move(config);
  result.problems = report.take();
  return result;
}

}  // namespace weir::config
