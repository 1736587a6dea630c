#include "config/load/load.h"

#include <algorithm>

#include "base/text.h"
#include "config/address.h"
#include "config/load/consistency.h"
#include "config/load/document.h"
#include "config/load/read.h"
#include "config/load/report.h"
#include "config/load/structure.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

// The byte that is no UTF-8 is on this line.
Position first_bad_line(std::string_view text) {
  Position position{1, 1};
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (!is_utf8(text.substr(0, end))) break;
    text.remove_prefix(end + 1);
    ++position.line;
  }
  return position;
}

// The lines of the key `admin` at the file's margin, without the rest.
std::string_view admin_block(std::string_view yaml) {
  std::size_t begin = yaml.starts_with("admin:") ? 0 : yaml.find("\nadmin:");
  if (begin == std::string_view::npos) return {};
  if (yaml[begin] == '\n') ++begin;
  std::size_t end = begin;
  do {
    end = std::min(yaml.find('\n', end), yaml.size() - 1) + 1;
  } while (end < yaml.size() && (yaml[end] == ' ' || yaml[end] == '\n' || yaml[end] == '#'));
  return yaml.substr(begin, end - begin);
}

// The plan; of one that is no YAML from some line on, what stands under `admin`.
std::variant<Node, SyntaxError> parse_for_admin(std::string_view yaml) {
  std::variant<Node, SyntaxError> whole = parse_document(yaml);
  if (std::holds_alternative<Node>(whole)) return whole;
  if (yaml.find("admin") == std::string_view::npos) return Node();
  std::variant<Node, SyntaxError> block = parse_document(admin_block(yaml));
  const Node* const node = std::get_if<Node>(&block);
  return node != nullptr && node->find("admin") != nullptr ? block : whole;
}

}  // namespace

AdminResult load_admin(std::string_view yaml, const Environment& environment) {
  AdminResult result;
  const std::variant<Node, SyntaxError> parsed = parse_for_admin(yaml);
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    result.error =
        std::to_string(error->position.line) + ":" + std::to_string(error->position.column) + ": " + error->what;
    return result;
  }
  const Node* const admin = std::get<Node>(parsed).find("admin");
  if (admin == nullptr) return result;
  read(*admin, "address", result.admin.address);
  if (!parse_listen_address(result.admin.address)) result.error = "admin.address is no host:port";
  Report ignored;
  if (const Node* const token = admin->find("token")) result.admin.token = read_secret(*token, environment, ignored);
  return result;
}

LoadResult load(std::string_view yaml, const Environment& environment) {
  Report report;
  LoadResult result;
  if (!is_utf8(yaml)) {
    report.error(first_bad_line(yaml), "the file is no text in UTF-8", "a plan as YAML");
    result.problems = report.take();
    return result;
  }
  std::variant<Node, SyntaxError> parsed = parse_document(yaml);
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    report.error(error->position, error->what);
    result.problems = report.take();
    return result;
  }
  Node& root = std::get<Node>(parsed);
  // All three look at the whole file, whatever the one before has found: what cannot be read is left at its default,
  // what is missing is not complained of twice, and of a key that is given twice the first is meant.
  check_structure(root, report);
  drop_repeated_keys(root);
  Config config = read_config(root, environment, report);
  check_consistency(config, root, report);
  if (!report.has_errors()) result.config = std::move(config);
  result.problems = report.take();
  return result;
}

}  // namespace weir::config
