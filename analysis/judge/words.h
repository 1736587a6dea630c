// Pure functions. Figures as people read them, and a guard's numbers in a sentence.
#pragma once

#include <string>

#include "analysis/judge/verdict.h"

namespace weir::analysis {

// "1,234": whole, and never below zero.
std::string with_commas(double value);
// "12.3 %".
std::string percent(double share);
// Three digits.
std::string factor(double value);
// Evidence: whole from 10 on, never more than people can tell apart.
std::string odds(double log_evidence);

// Why the last step, which leaves nobody to compare with, alerts.
std::string explain_drift(const GuardStatus& guard, double log_threshold);

}  // namespace weir::analysis
