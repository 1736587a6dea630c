#include "app/store_log.h"

#include <chrono>

#include "base/log.h"

namespace weir::app {
namespace {

constexpr std::chrono::seconds kAgain{60};  // a disk that fails is spoken of again

}  // namespace

bool StoreLog::tell(const analysis::StoreHealth& health, SteadyTime now) {
  const bool failed = !health.writable;
  if (health.notice != notice_) {
    notice_ = health.notice;
    log::warn("state_file_replaced", {{"path", path_}, {"what", "the file that was there " + health.notice}});
  }
  const bool forgotten = failed && health.forgets_rollbacks;
  if (forgotten && !forgets_rollbacks_) {
    log::error("rollback_not_kept",
               {{"problem", health.problem}, {"effect", "a restart before it is written serves the candidate again"}});
  }
  forgets_rollbacks_ = forgotten;
  const bool again = failed && now - told_ >= kAgain;
  if (failed == !problem_.empty() && !again) return false;
  told_ = now;
  problem_ = health.problem;
  if (failed) {
    log::error("state_not_written", {{"problem", health.problem}, {"effect", "no weight rises until it is"}});
  } else {
    log::info("state_written_again", {{"path", path_}});
  }
  return true;
}

}  // namespace weir::app
