#include "config/load/load.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "config/address.h"
#include "config/load/consistency.h"
#include "config/load/document.h"
#include "config/load/places.h"
#include "config/load/read.h"
#include "config/load/report.h"
#include "config/load/structure.h"
#include "config/load/tls_files.h"
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

bool is_admin_key(std::string_view line) {
  for (const std::string_view key : {"admin", "\"admin\"", "'admin'"}) {
    if (!line.starts_with(key)) continue;
    const std::string_view rest = line.substr(key.size());
    const std::size_t colon = rest.find_first_not_of(' ');
    return colon != std::string_view::npos && rest[colon] == ':';
  }
  return false;
}

// The lines of the key `admin` at the plan's margin, without the rest.
std::string_view admin_block(std::string_view yaml) {
  std::size_t begin = std::string_view::npos;
  for (std::size_t at = 0; at < yaml.size(); at = std::min(yaml.find('\n', at), yaml.size() - 1) + 1) {
    const bool margin = yaml[at] != ' ' && yaml[at] != '\r' && yaml[at] != '\n' && yaml[at] != '#';
    if (!margin) continue;
    if (begin != std::string_view::npos) return yaml.substr(begin, at - begin);
    if (is_admin_key(yaml.substr(at))) begin = at;
  }
  return begin == std::string_view::npos ? std::string_view() : yaml.substr(begin);
}

// Whether its first line with something on it opens a brace: then no line begins a key of the plan.
bool is_flow_style(std::string_view yaml) {
  while (!yaml.empty()) {
    const std::size_t text = yaml.find_first_not_of(" \t\r\n");
    if (text == std::string_view::npos) return false;
    yaml.remove_prefix(text);
    if (yaml[0] != '#' && !yaml.starts_with("---")) return yaml[0] == '{';
    yaml.remove_prefix(yaml.starts_with("---") ? 3 : std::min(yaml.find('\n'), yaml.size()));
  }
  return false;
}

// The plan; of one that is no YAML from some line on, what stands under `admin`, or nothing when there is no such key.
std::variant<Node, SyntaxError> parse_for_admin(std::string_view yaml) {
  std::variant<Node, SyntaxError> whole = parse_document(yaml);
  if (std::holds_alternative<Node>(whole)) return whole;
  // Where it may have an address, and none can be read, the default one could be another weir's.
  if (is_flow_style(yaml)) return yaml.find("admin") == std::string_view::npos ? Node() : whole;
  const std::string_view lines = admin_block(yaml);
  if (lines.empty()) return Node();
  std::variant<Node, SyntaxError> block = parse_document(lines);
  const Node* const node = std::get_if<Node>(&block);
  return node != nullptr && node->find("admin") != nullptr ? block : whole;
}

std::vector<Position> step_places(const Rollout& rollout, const Node& node) {
  std::vector<Position> places;
  const Node* const steps = node.find("steps");
  if (steps != nullptr) {
    for (const Node& entry : steps->list) {
      if (const Node* const weight = entry.find("setWeight")) places.push_back(weight->position);
    }
  }
  for (const char* weight : {"previewWeight", "splitWeight"}) {
    if (const Node* const given = node.find(weight)) places.push_back(given->position);
  }
  places.resize(rollout.steps.size(), steps != nullptr ? steps->position : node.position);
  return places;
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
  if (const Node* const token = admin->find("token"))
    result.admin.token = read_secret(*token, "admin.token", environment, ignored);
  return result;
}

namespace {

// As far as their names tell.
bool same_file(const std::string& one, const std::string& other) {
  return std::filesystem::path(one).lexically_normal() == std::filesystem::path(other).lexically_normal();
}

void check_log_file(const Config& config, const Node& root, const Environment& environment, Report& report) {
  if (!config.access_log || config.access_log->path.empty()) return;
  if (same_file(config.access_log->path, config.state.path)) {
    report.error(place(root, {"accessLog", "path"}),
                 "accessLog.path is state.path: lines would be written over the journal of all decisions",
                 "a file of its own");
    return;
  }
  if (!environment.log_file) return;
  const std::string why = environment.log_file(config.access_log->path, config.state.path);
  if (why.empty()) return;
  report.error(place(root, {"accessLog", "path"}), "accessLog.path: " + config.access_log->path + ": " + why,
               "a file in a folder that is there, or - for standard output");
}

}  // namespace

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
  check_tls_files(config, root, environment, report);
  check_log_file(config, root, environment, report);
  for (const auto& [service, rollout] : config.rollouts) {
    if (const Node* const node = find(root, {"rollouts", service})) result.steps[service] = step_places(rollout, *node);
  }
  if (!report.has_errors()) result.config = std::move(config);
  result.problems = report.take();
  result.document = std::make_shared<const Node>(std::move(root));
  return result;
}

Position LoadResult::place(std::span<const std::string> path) const {
  if (!document) return {};
  const Node* at = document.get();
  for (const std::string& key : path) {
    const Node* const next = at->find(key);
    if (next == nullptr) break;
    at = next;
  }
  return at->position;
}

}  // namespace weir::config
