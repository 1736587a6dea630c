#include "app/port_adapters.h"

#include <utility>

namespace weir::app {

void OutcomeSource::collect(analysis::Tick& into) {
  server_.drain_outcomes([&](const Outcome& outcome) {
    into.fold(outcome);
    readers_.metrics.record(outcome);
    readers_.recent.record(outcome);
  });
  const std::uint64_t dropped = server_.outcomes_dropped();
  into.lose(dropped - std::exchange(dropped_, dropped));
}

}  // namespace weir::app
