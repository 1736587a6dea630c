// Pure functions. What a forecast warns of, in words, and where in the plan.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/forecast/outlook.h"
#include "config/load/load.h"

namespace weir::app {

struct CautionWords {
  std::string what;
  std::string remedy;  // what was expected instead
};

struct CautionScene {
  std::string_view service;
  const config::Rollout& rollout;
  const std::vector<analysis::StepTime>& steps;
  const analysis::BaselineTraffic& traffic;
};
CautionWords words(const analysis::Caution& caution, const CautionScene& scene);

// Of a plan that has no error: a gate that can never pass, as an error; and where the plan names a service's traffic,
// all that there is to say about its rollout at that traffic.
std::vector<config::Problem> forecast_problems(const config::LoadResult& plan);

}  // namespace weir::app
