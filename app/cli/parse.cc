#include "app/cli/parse.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "app/cli/terminal.h"
#include "base/text.h"
#include "config/address.h"
#include "config/units.h"

namespace weir::app {
namespace {

constexpr const char* kAbout =
    "Weir puts a new model version in front of real users a little at a time, watches every request,\n"
    "and takes it back by itself, within seconds, when it is worse.";

constexpr const char* kFooter = R"(
Start here:
  weir run --baseline http://127.0.0.1:9001 --candidate http://127.0.0.1:9002
                              split traffic between two model servers, with no file at all
  weir init > weir.yaml       the same plan as a commented file, to be edited
  weir check weir.yaml        what is wrong with it, by line and column
  weir explain weir.yaml --rps 50
                              how long it will take at 50 requests a second, and what it will see
  weir simulate weir.yaml     rehearse it: what would be decided, and when
  weir run weir.yaml          serve it; edit the file and it is loaded again
  weir watch                  what happens, and why it waits

Commands find a running weir by --admin URL, WEIR_ADMIN, --config FILE, or http://127.0.0.1:9901,
and its token by --token-file or WEIR_TOKEN.

Exit codes:
  0  done                     2  the command line is wrong (`check`: the plan has errors)
  1  refused, or it failed    3  no weir answered
     (`check`: warnings)       (`health`: 1)
                          143  `run`: ended at once by a second SIGTERM, or by one while it starts)";

constexpr const char* kClientFooter = R"(
Finds the weir by --admin URL, WEIR_ADMIN, --config FILE, or http://127.0.0.1:9901, and its token by --token-file or
WEIR_TOKEN. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no weir answered.)";

constexpr const char* kHealthFooter = R"(
Of a plan (--config FILE) only `admin.address` is read: whatever else is wrong with the file, the weir that runs is asked.
Exit codes: 0 alive, 1 not alive or no answer, 2 wrong usage.)";

constexpr const char* kResumeFooter = R"(
Goes on after a pause: the plan's, an operator's, one for want of evidence, or one because counts were lost
(weir_outcomes_dropped_total). A hold of the plan is no pause: it ends by itself, and `weir promote` leaves it.)";

// Commands that the product has and this version has not.
constexpr std::array<std::string_view, 2> kLater = {"flags", "convert"};

constexpr const char* kRunFooter = R"(
Examples:
  weir run weir.yaml
  weir run --baseline http://127.0.0.1:9001 --candidate http://127.0.0.1:9002 --listen 0.0.0.0:8080

A changed file, SIGHUP and `weir reload` load the plan again; a bad one changes nothing and the log says why.
SIGTERM drains: not ready, listeners close after `drainDelay`, requests finish within `drain`. A second one ends at
once. Exit codes: 0 drained, 1 could not start, 2 wrong usage, 143 ended by a second SIGTERM, or by one while it starts.)";

constexpr const char* kCheckFooter = R"(
Lists every problem at once as file:line:column. Exit codes: 0 clean, 1 warnings, 2 errors.

Example (a pre-commit hook):
  weir check weir.yaml || test $? -eq 1)";

constexpr const char* kExplainFooter = R"(
For each step: how long a healthy candidate takes and what for, when each gate passes, how small a regression is found,
when named ones are, and what never is. Without --rps it reckons with what the running weir has measured (--admin, --config),
else with the service's `traffic` in the plan, else with what is measured by the weir that WEIR_ADMIN or the plan names. What
nobody knows is assumed, and said to be: 0.1% of errors, latencies a lognormal with a median of 100ms and sigma 0.6.
Exit codes: 0 done, 2 wrong usage, a plan with errors, or no traffic to reckon with.

Examples:
  weir explain weir.yaml --rps 50
  weir explain weir.yaml --rps 50 --baseline-errors 1% --baseline-p50 800ms --design-effect 3)";

constexpr const char* kSimulateFooter = R"(
The analyzer that `weir run` has decides about users, versions and time that are made up: hours take a second. --regress
says what is wrong with the candidate, and may be given more than once:
  errors=1%   errors=x4       its requests fail: of all so many, or so many times the baseline's
  capacity=…  clientErrors=…  clientAborts=…    likewise
  latency=+10%  latency=x1.5  all of it is slower
  p99=x2                      the slowest 5 % are slower, growing to so much at p99
  slowInputs=5%               so many of the inputs take ten times as long
  tokens=+15%                 answers are so much longer, and cost so much more
  cost=+20%                   each of their tokens costs so much more
  relevance=5%                they are worth so much less of their scale
  hallucinations=x2           as errors
Load, errors and latencies are those that --rps, --baseline-errors and --baseline-p50 say, else those of the service's
`traffic` in the plan, else 100 requests/s, 0.1% and 100ms.
--traffic: even (users are alike), sticky (they differ), storms (and retry what fails), drift (load, errors and latency
swing over three hours).

Examples:
  weir simulate weir.yaml                                    how long a healthy candidate takes
  weir simulate weir.yaml --rps 20 --regress errors=1%
  weir simulate weir.yaml --runs 200                         how often a healthy one is rolled back

Exit codes: 0 simulated, whatever came of it; 2 wrong usage, or the plan has errors.)";

constexpr const char* kReplayFooter = R"(
Reads what a weir recorded of each tick (`state.records` of its plan, beside the state file), and makes the decisions again:
the same ones, to the last bit of their evidence. No weir has to run, and one that runs is not disturbed.
--plan says beside it what another plan would have decided, and when. It may have another maxFalseRollback and maxFalseAdvance,
other margins, ceilings, budgets, actions, holds and pauses, but must have the same weights and split users in the same way:
what would have come under others nobody knows. It goes along where the weights went.

Times are UTC, as 2026-11-28T18:00:00Z or 18:00 (the last one), or how long ago: 2h. WHAT is the service, if there are
several, and files or folders of records; without these the folder beside the state file of --state or --config, or beside
./weir.db.

Examples:
  weir replay chat --config weir.yaml --from 2h
  weir replay chat --config weir.yaml --from 09:00 --plan stricter.yaml
  weir replay ./copied-records --format json

Exit codes: 0 replayed; 1 something else was decided this time, there is nothing to replay, the records are damaged, or cannot
tell of that plan; 2 wrong usage, or a plan has errors.)";

constexpr const char* kWatchFooter = R"(
Shows each rollout's step and weight, both versions' rates, errors and latencies, the evidence toward rollback and
toward advance, and why it waits. Ctrl-C leaves. Without a terminal it prints a frame whenever something changes.)";

constexpr const char* kWeightFooter = R"(
Examples:
  weir weight chat 25         a quarter of the users
  weir weight chat 0.01       one in ten thousand

The weight becomes a step of its own, judged like any other; the plan goes on above it.)";

constexpr const char* kPromoteFooter = R"(
Leaves the current step though its gates may not have passed; the guards go on guarding.

Examples:
  weir promote chat           to the next step
  weir promote chat --full    to 100 percent, past every step)";

template <class Number>
std::string digits_of(Number value) {
  std::array<char, 32> digits{};
  std::to_chars_result end{};
  if constexpr (std::is_floating_point_v<Number>) {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed);
  } else {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  }
  return {digits.data(), end.ptr};
}

// Like CLI::Range, which says of a word that it is out of range, and takes nan for a number in it.
template <class Number>
CLI::Validator number_in(Number least, Number most) {
  const std::string range = "from " + digits_of(least) + " to " + digits_of(most);
  const std::string kind = std::is_floating_point_v<Number> ? "number " : "whole number ";
  const auto wrong = [=](const std::string& text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (whole && value >= least && value <= most) return std::string();
    return "\"" + printable(text) + "\" is no " + kind + range;
  };
  return {wrong, range};
}

// CLI11 writes straight into the invocation. One object a parse.
class Grammar {
 public:
  Grammar() {
    app_.require_subcommand(1);
    add_server_verbs();
    add_views();
    add_rollout_verbs();
    add_process_verbs();
    app_.footer(kFooter);  // behind the commands, which would inherit it
    app_.add_flag_callback(
        "--version",
        [this] {
          chose(Verb::kVersion);
          throw CLI::Success();
        },
        "Print the version");
  }

  ParsedCommandLine parse(std::vector<std::string> arguments) {
    const std::string unknown = unknown_word(arguments);
    if (!unknown.empty()) return refused(unknown);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
      return {.invocation = {}, .exit_code = kExitOk, .text = help()};
    } catch (const CLI::CallForAllHelp&) {
      return {.invocation = {}, .exit_code = kExitOk, .text = help()};
    } catch (const CLI::Success&) {
      return {.invocation = wanted_, .exit_code = kExitOk, .text = {}};
    } catch (const CLI::ParseError& error) {
      return refused(error.what());
    }
    const std::string wrong = wrong_values();
    if (!wrong.empty()) return refused(wrong);
    return {.invocation = wanted_, .exit_code = kExitOk, .text = {}};
  }

 private:
  std::string asked() const {
    const auto chosen = app_.get_subcommands();
    return chosen.empty() ? "weir" : "weir " + chosen.front()->get_name();
  }
  std::string help() const {
    const auto chosen = app_.get_subcommands();
    return chosen.empty() ? app_.help() : chosen.front()->help("weir");
  }
  ParsedCommandLine refused(const std::string& why) const {
    return {.invocation = {},
            .exit_code = kExitUsage,
            .text = asked() + ": " + why + "\nRun `" + asked() + " --help` for what it takes.\n"};
  }
  void chose(Verb verb) { wanted_.verb = verb; }

  CLI::App* add(Verb verb, const char* name, const char* about) {
    CLI::App* command = app_.add_subcommand(name, about);
    command->callback([this, verb] { chose(verb); });
    return command;
  }

  CLI::App* add_client(Verb verb, const char* name, const char* about) {
    CLI::App* command = add(verb, name, about);
    add_target(command);
    command->footer(kClientFooter);
    return command;
  }

  void add_target(CLI::App* command) {
    command->add_option("--admin", wanted_.target.admin, "URL of the weir's admin API")->type_name("URL");
    command->add_option("--config", wanted_.target.config, "Plan file that names the admin address")->type_name("FILE");
    command->add_option("--token-file", wanted_.target.token_file, "File that holds the admin token")
        ->type_name("FILE");
  }

  CLI::App* add_rollout(Verb verb, const char* name, const char* about) {
    CLI::App* command = add_client(verb, name, about);
    command->add_option("SERVICE", wanted_.service, "The rollout's service")->required();
    return command;
  }

  void add_format(CLI::App* command) {
    command->add_option("--format", wanted_.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  }

  static CLI::IsMember log_levels() { return CLI::IsMember({"debug", "info", "warn", "error", "off"}); }

  void add_server_verbs() {
    RunArguments& run = wanted_.run;
    CLI::App* serve = add(Verb::kRun, "run", "Serve a plan file, or split between two URLs with the default plan");
    serve->add_option("FILE", run.file, "The plan, as YAML");
    serve->add_option("--baseline", run.baseline, "URL of the version that users have now")->type_name("URL");
    serve->add_option("--candidate", run.candidate, "URL of the version to roll out")->type_name("URL");
    serve->add_option("--listen", run.listen, "Where to accept requests, without a file")->type_name("HOST:PORT");
    serve->add_option("--log-level", run.log_level, "debug, info, warn, error or off")->check(log_levels());
    serve->add_option("--log-format", run.log_format, "auto (text on a terminal, else JSON), text or json")
        ->check(CLI::IsMember({"auto", "text", "json"}));
    serve->add_option("--access-log", run.access_log, "One line a request, to a file or - for standard output")
        ->type_name("PATH");
    serve->footer(kRunFooter);

    add(Verb::kInit, "init", "Print the default plan as commented YAML");
    CLI::App* check = add(Verb::kCheck, "check", "Say what is wrong with a plan file");
    check->add_option("FILE", wanted_.file, "The plan, as YAML")->required();
    add_format(check);
    check->footer(kCheckFooter);
    add_explain();
    CLI::App* schema = add(Verb::kSchema, "schema", "Print the plan's JSON Schema (draft-07), for editors");
    schema->add_flag("--reference", wanted_.reference, "Print the reference page instead, as Markdown");
    add_simulate();
  }

  void add_baseline(CLI::App* command) {
    command->add_option("--baseline-errors", baseline_errors_, "What share of the baseline's requests fails: 0.1%");
    command->add_option("--baseline-p50", baseline_p50_, "The median of the baseline's latencies: 100ms");
  }

  void add_simulate() {
    SimulateArguments& simulate = wanted_.simulate;
    CLI::App* command = add(Verb::kSimulate, "simulate", "Rehearse a plan's rollout against made-up traffic");
    command->add_option("FILE", wanted_.file, "The plan, as YAML")->required();
    command->add_option("SERVICE", wanted_.service, "The rollout's service, if there are several");
    command->add_option("--regress", simulate.regress, "What is wrong with the candidate")
        ->type_name("WHAT")
        ->allow_extra_args(false);
    command->add_option("--after", simulate.after, "When that begins, of the rollout's time")->type_name("DURATION");
    command->add_option("--rps", wanted_.traffic.rps, "Requests a second, of both versions together")
        ->check(number_in(0.001, 100'000.0));
    command->add_option("--users", simulate.users, "How many users")->check(number_in(1U, 10'000'000U));
    add_baseline(command);
    command->add_option("--traffic", simulate.traffic, "even, sticky, storms or drift")
        ->check(CLI::IsMember({"even", "sticky", "storms", "drift"}));
    command->add_option("--seed", simulate.seed, "Equal seeds give equal runs")
        ->check(number_in(std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()));
    command->add_option("--runs", simulate.runs, "Summarise so many, one seed after the other")
        ->check(number_in(1U, 100'000U));
    add_format(command);
    command->footer(kSimulateFooter);
  }

  void add_explain() {
    CLI::App* explain =
        add(Verb::kExplain, "explain", "Say what a plan's rollouts will take and see, before they begin");
    explain->add_option("FILE", wanted_.file, "The plan, as YAML")->required();
    explain->add_option("--rps", wanted_.traffic.rps, "Requests a second, of both versions together")
        ->check(number_in(0.001, 1e9));
    add_baseline(explain);
    explain
        ->add_option(
            "--design-effect", wanted_.traffic.design_effect,
            "How many requests tell as much as one of an independent user, as `weir status --format json` has it")
        ->check(number_in(1.0, 1e6));
    explain->add_option("--service", wanted_.service, "Only this service's rollout");
    add_target(explain);
    add_format(explain);
    explain->footer(kExplainFooter);
  }

  void add_views() {
    CLI::App* status = add_client(Verb::kStatus, "status", "Say how every service and rollout stands");
    status->add_option("SERVICE", wanted_.service, "Only this one");
    add_format(status);
    CLI::App* watch = add_client(Verb::kWatch, "watch", "Show how the rollouts go on, and why they wait");
    watch->add_flag("--no-redraw", wanted_.frames_only, "Print a frame per change, also on a terminal");
    watch->footer(kWatchFooter);
    CLI::App* history = add_client(Verb::kHistory, "history", "List decisions and commands, newest first");
    history->add_option("SERVICE", wanted_.service, "Only this service's, with the numbers that led to each");
    history->add_option("--limit", wanted_.limit, "How many")->check(number_in(1, 1000));
    add_format(history);
    add_replay();
  }

  void add_replay() {
    ReplayArguments& replay = wanted_.replay;
    CLI::App* command = add(Verb::kReplay, "replay", "Make recorded decisions again, or another plan's");
    command->add_option("WHAT", replay.words,
                        "The rollout's service, if there are several; files or folders of records");
    command->add_option("--config", replay.config, "Plan file that names the state file")->type_name("FILE");
    command->add_option("--state", replay.state, "The state file")->type_name("FILE");
    command->add_option("--from", replay.from, "From when on")->type_name("TIME");
    command->add_option("--to", replay.to, "Until when")->type_name("TIME");
    command->add_option("--plan", replay.plan, "What this plan would have decided")->type_name("FILE");
    add_format(command);
    command->footer(kReplayFooter);
  }

  void add_rollout_verbs() {
    CLI::App* promote = add_rollout(Verb::kPromote, "promote", "Leave the current step for the next");
    promote->add_flag("--full", wanted_.full, "Go to 100 percent");
    promote->footer(kPromoteFooter);
    add_rollout(Verb::kPause, "pause", "Keep the weight until `weir resume`; the guards go on guarding");
    add_rollout(Verb::kResume, "resume", "Go on after a pause")->footer(kResumeFooter);
    add_rollout(Verb::kAbort, "abort", "Take a running rollout back to its baseline now");
    add_rollout(Verb::kRetry, "retry", "Start a rolled-back rollout anew, from its first step");
    add_rollout(Verb::kUndo, "undo", "Return a promoted rollout to its baseline");
    CLI::App* weight = add_rollout(Verb::kWeight, "weight", "Set the candidate's share of the users");
    weight->add_option("PERCENT", wanted_.percent, "0 to 100, in steps of 0.0001; 1% works")->required();
    weight->footer(kWeightFooter);
  }

  void add_process_verbs() {
    add_client(Verb::kReload, "reload", "Load the plan file again; says what is wrong if it is refused");
    add_client(Verb::kDrain, "drain", "Finish the requests under way, then end, as SIGTERM does");
    add_client(Verb::kLogLevel, "log-level", "Say more or less in the log, until the next start")
        ->add_option("LEVEL", wanted_.level, "debug, info, warn, error or off")
        ->required()
        ->check(log_levels());
    add_client(Verb::kHealth, "health", "Exit 0 when the weir is alive, else 1; for a container's HEALTHCHECK")
        ->footer(kHealthFooter);
    add(Verb::kVersion, "version", "Print the version");
  }

  std::string wrong_values() {
    switch (wanted_.verb) {
      case Verb::kRun:
        return wrong_run();
      case Verb::kWeight:
        return wrong_weight();
      case Verb::kExplain:
      case Verb::kSimulate:
        return wrong_traffic();
      default:
        return {};
    }
  }

  std::string wrong_traffic() {
    if (!baseline_errors_.empty()) {
      wanted_.traffic.errors = config::parse_share(baseline_errors_);
      if (!wanted_.traffic.errors || *wanted_.traffic.errors > 1)
        return "--baseline-errors: \"" + printable(baseline_errors_) + "\" is no percentage from 0% to 100%";
    }
    if (!baseline_p50_.empty()) {
      wanted_.traffic.p50 = config::parse_duration(baseline_p50_);
      const bool usable = wanted_.traffic.p50 && wanted_.traffic.p50->count() > 0 && *wanted_.traffic.p50 < kLongest;
      if (!usable) return "--baseline-p50: \"" + printable(baseline_p50_) + "\" is no duration from 1ms to 1h";
    }
    return {};
  }

  std::string wrong_run() const {
    const RunArguments& run = wanted_.run;
    const bool urls = !run.baseline.empty() || !run.candidate.empty();
    if (run.file.empty() && !urls) return "needs a plan FILE, or --baseline URL and --candidate URL";
    if (!run.file.empty() && urls) return "takes a plan FILE or two URLs, not both";
    if (urls && run.baseline.empty()) return "--candidate needs --baseline URL beside it";
    if (urls && run.candidate.empty()) return "--baseline needs --candidate URL beside it";
    if (!run.file.empty() && !run.listen.empty()) return "--listen is for a run without a file; set `listeners` in it";
    if (!run.file.empty()) return {};
    for (const auto& [option, url] :
         {std::pair("--baseline", &run.baseline), std::pair("--candidate", &run.candidate)}) {
      if (!config::parse_http_url(*url))
        return std::string(option) + ": \"" + printable(*url) + "\" is no http://HOST:PORT";
    }
    if (!run.listen.empty() && !config::parse_listen_address(run.listen))
      return "--listen: \"" + printable(run.listen) + "\" is no HOST:PORT with the host in digits";
    return {};
  }

  std::string wrong_weight() {
    const std::optional<std::uint32_t> ppm = config::parse_percent_ppm(wanted_.percent);
    if (!ppm) return "\"" + printable(wanted_.percent) + "\" is no PERCENT; expected 0 to 100, in steps of 0.0001";
    wanted_.weight_ppm = *ppm;
    return {};
  }

  // Why the first word is no command; empty when it is one.
  std::string unknown_word(const std::vector<std::string>& arguments) const {
    if (arguments.empty() || arguments.front().starts_with('-')) return {};
    const std::string& word = arguments.front();
    std::vector<std::string_view> known;
    for (const CLI::App* command : app_.get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_name() == word) return {};
      known.push_back(command->get_name());
    }
    if (std::find(kLater.begin(), kLater.end(), word) != kLater.end()) return "`" + word + "` is not in this version";
    const std::string_view nearest = nearest_word(known, word);
    const std::string meant = nearest.empty() ? "" : "; did you mean `" + std::string(nearest) + "`?";
    return "\"" + printable(word) + "\" is no command" + meant;
  }

  static constexpr config::Duration kLongest{3'600'001};

  Invocation wanted_;
  std::string baseline_errors_;
  std::string baseline_p50_;
  CLI::App app_{kAbout, "weir"};
};

}  // namespace

ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments) {
  Grammar grammar;
  return grammar.parse(arguments);
}

}  // namespace weir::app
