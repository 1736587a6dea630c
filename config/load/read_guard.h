// Pure functions. One guard of a plan: which number it is about, and what is allowed of it.
#pragma once

#include <optional>
#include <string>

#include "config/load/document.h"
#include "config/load/report.h"
#include "config/rollout.h"

namespace weir::config {

struct ReadGuard {
  Guard guard;
  bool enabled = true;
};

GuardAction read_action(const std::string& word);
// `path` is its own, `action` what is done when it fails and does not say otherwise. Nothing for what is no guard.
std::optional<ReadGuard> read_guard(const Node& node, const std::string& path, GuardAction action, Report& report);

}  // namespace weir::config
