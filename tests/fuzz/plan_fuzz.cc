// Plan files. Whatever a file says, it is a plan or there is a reason why not, with its place; a plan that is loaded is
// no change to itself, and what is written of it is the same plan.
#include "config/diff.h"
#include "config/load/load.h"
#include "config/write/write_plan.h"
#include "tests/fuzz/input.h"

namespace {

std::string written(const weir::config::Config& config) {
  return weir::json::write(
      weir::config::write_plan(config, {.is_secret = [](std::string_view) { return false; },
                                        .url = [](std::string_view url) { return std::string(url); },
                                        .webhook = [](const weir::config::Webhook& webhook) { return webhook.url; },
                                        .in_place = {}}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const std::string_view yaml(reinterpret_cast<const char*>(data), size);
  const config::Environment environment{
      [](const std::string& name) { return name == "T" ? std::optional<std::string>("secret") : std::nullopt; },
      [](const std::string&) { return std::optional<std::string>(); }};
  const config::LoadResult result = config::load(yaml, environment);
  std::size_t errors = 0;
  for (const config::Problem& problem : result.problems) {
    fuzz::require(!problem.what.empty() && problem.position.line > 0, "a problem says what and where");
    fuzz::require(format(problem, "plan").find('\n') == std::string::npos, "a problem is one line");
    errors += problem.severity == config::Problem::Severity::kError ? 1U : 0U;
  }
  fuzz::require(result.ok() == (errors == 0), "a plan, or errors");
  if (result.ok()) fuzz::require(config::needs_restart(*result.config, *result.config).empty(), "it is no change");
  if (result.ok()) {
    const std::string text = written(*result.config);
    const config::LoadResult again = config::load(text, environment);
    fuzz::require(again.ok(), "what is written of a plan is a plan");
    fuzz::require(written(*again.config) == text, "and the same one");
  }
  const config::AdminResult admin = config::load_admin(yaml, environment);
  if (result.ok()) fuzz::require(admin.error.empty(), "a plan's admin can be found");
  return 0;
}
