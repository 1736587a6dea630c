// Pure functions. What came of a replay, for people and for programs.
#pragma once

#include <string>

#include "analysis/records/replay.h"

namespace weir::app {

struct ReplayReport {
  std::string service;
  std::string plan;  // the other one's name; empty: there is none
  const analysis::Replayed& replayed;
};

std::string report_text(const ReplayReport& report, bool colour);
std::string report_json(const ReplayReport& report);

}  // namespace weir::app
