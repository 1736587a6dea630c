#include "app/port_adapters.h"

#include <chrono>
#include <utility>

#include "app/access_line.h"

namespace weir::app {

void OutcomeSource::collect(analysis::Tick& into) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  bool wrote = false;
  server_.drain_outcomes([&](const Outcome& outcome) {
    into.fold(outcome);
    readers_.metrics.record(outcome);
    readers_.recent.record(outcome);
    if (readers_.access_log != nullptr && outcome.kind == Outcome::Kind::kEnded) {
      readers_.access_log->write(access_line(outcome, names_, unix_ms));
      wrote = true;
    }
  });
  if (wrote) readers_.access_log->flush();
  const std::uint64_t dropped = server_.outcomes_dropped();
  into.lose(dropped - std::exchange(dropped_, dropped));
}

}  // namespace weir::app
