#include "app/decision_records.h"

#include <thread>

#include "analysis/records/segment.h"
#include "base/log.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kPollPeriod{5};

}  // namespace

DecisionRecords::DecisionRecords(const Clock& clock, const config::State& state) {
  if (state.records == 0) return;
  const auto run = static_cast<std::uint64_t>(clock.wall_now().time_since_epoch().count());
  recording_ = std::make_unique<analysis::Recording>(
      clock,
      analysis::Recording::Spec{.folder = analysis::records_folder(state.path), .limit = state.records, .run = run});
}

bool DecisionRecords::tell() {
  if (!recording_) return false;
  std::string problem = recording_->health().problem;
  if (problem == problem_) return false;
  const bool again = problem.empty();
  problem_ = std::move(problem);
  if (again) {
    log::info("records_written_again", {});
  } else {
    log::warn("records_not_written",
              {{"problem", problem_}, {"effect", "`weir replay` has a gap here; decisions do not wait for it"}});
  }
  return true;
}

RecordsSample DecisionRecords::sample() const {
  if (!recording_) return {};
  const analysis::Recording::Health health = recording_->health();
  return {.ticks_lost = health.ticks_lost, .bytes_written = health.bytes_written};
}

void DecisionRecords::finish(std::chrono::milliseconds patience) {
  if (!recording_) return;
  recording_->flush();
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!recording_->idle() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(kPollPeriod);
}

}  // namespace weir::app
