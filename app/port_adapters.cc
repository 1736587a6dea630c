#include "app/port_adapters.h"

#include <utility>

namespace weir::app {

void OutcomeSource::collect(analysis::Tick& into) {
  server_.drain_outcomes([&](const Outcome& outcome) {
    into.fold(outcome);
    readers_.metrics.record(outcome);
    readers_.recent.record(outcome);
  });
  server_.drain_answers([&](const Answer& answer) {
    into.fold(answer);
    readers_.answers.record(answer);
  });
  // A request is joined before a score of it can be looked for.
  server_.drain_joins([&](const Joinable& request) { readers_.feedback.join(request); });
  readers_.feedback.fold(into);
  const auto compared = [&](const Comparison& comparison) {
    into.fold(comparison);
    readers_.shadow.record(comparison);
  };
  server_.drain_comparisons(compared);
  for (const Comparison& judged : readers_.webhooks.take_opinions()) compared(judged);
  server_.drain_failures([&](const FailedRequest& failed) { into.fold(failed); });
  const std::uint64_t dropped = server_.outcomes_dropped();
  into.lose(dropped - std::exchange(dropped_, dropped));
}

analysis::Controller::Past past_of(analysis::Journal::Opened& opened) {
  analysis::Controller::Past past{.rollouts = std::move(opened.contents.rollouts), .history = {}, .lost = opened.lost};
  for (const std::string& record : opened.contents.records) past.history.push_back(json::parse(record).value);
  return past;
}

}  // namespace weir::app
