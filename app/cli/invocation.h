// Immutable. What the user asked for on the command line, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/limits.h"

namespace weir::app {

enum class Verb : std::uint8_t {
  kRun,
  kInit,
  kCheck,
  kSchema,
  kExplain,
  kSimulate,
  kStatus,
  kWatch,
  kPromote,
  kPause,
  kResume,
  kAbort,
  kRetry,
  kUndo,
  kWeight,
  kHistory,
  kReplay,
  kReload,
  kDrain,
  kLogLevel,
  kHealth,
  kVersion,
};

// What `weir` answers to its caller; in `weir --help` too.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;         // it was refused or did not work; `check`: warnings
inline constexpr int kExitUsage = 2;          // the command line is wrong; `check`: errors
inline constexpr int kExitUnreachable = 3;    // no weir answered
inline constexpr int kExitEndedAtOnce = 143;  // `run`: a second SIGTERM, or one while it starts

struct RunArguments {
  std::string file;      // the plan; empty when the two URLs are given
  std::string baseline;  // URLs
  std::string candidate;
  std::string listen;  // host:port; empty: the default plan's
  std::string log_level = "info";
  std::string log_format = "auto";
  std::string access_log;  // path, "-", or empty: none
};

// Where the weir to talk to is, as far as the command line says.
struct TargetArguments {
  std::string admin;   // URL
  std::string config;  // plan file that names it
  std::string token_file;
};

struct SimulateArguments {
  std::uint32_t users = 20'000;
  std::string traffic = "sticky";    // even, sticky, storms, drift
  std::vector<std::string> regress;  // as typed
  std::string after;                 // when they begin, as typed; empty: with the rollout
  std::uint64_t seed = 1;            // of the first run; each other's is one more
  std::uint32_t runs = 1;
};

// What `explain` and `simulate` are told of the traffic; what it is not told is unset.
struct TrafficArguments {
  std::optional<double> rps;
  std::optional<double> errors;  // share of the baseline's requests
  std::optional<config::Duration> p50;
  double design_effect = 1;
};

// Whose decisions are made again, from which records.
struct ReplayArguments {
  std::vector<std::string> words;  // a service, and files or folders of records
  std::string config;              // plan file that names the state file
  std::string state;               // the state file
  std::string from;                // as typed
  std::string to;
  std::string plan;  // another plan's file; empty: the plan that ran alone
};

struct Invocation {
  Verb verb = Verb::kVersion;
  RunArguments run;
  TargetArguments target;
  SimulateArguments simulate;
  TrafficArguments traffic;  // explain, simulate
  ReplayArguments replay;
  std::string file;     // check, explain, simulate
  std::string service;  // what a rollout command is about; status, history, explain: empty for all; simulate: empty for
                        // the only one
  std::string format = "text";   // check, explain, simulate, status, history, replay: text or json
  std::string percent;           // weight, as typed
  std::uint32_t weight_ppm = 0;  // weight
  std::uint32_t limit = 20;      // history
  std::string level;             // log-level
  bool full = false;             // promote
  bool reference = false;        // schema
  bool frames_only = false;      // watch: never redraw, print a frame per change
};

}  // namespace weir::app
