#include "analysis/records/state_code.h"

#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weir::analysis {
namespace {

constexpr std::uint64_t kMostText = 1 << 20;
constexpr std::uint64_t kMostElements = 4'096;

// One list of members for both ways: put() writes what it is given, and get() reads into it.
class Put {
 public:
  explicit Put(ByteWriter& out) : out_(out) {}
  static constexpr bool kReads = false;

  void operator()(const std::string& text) const { out_.text(text); }
  void operator()(double number) const { out_.number(number); }
  void operator()(Seconds time) const { out_.number(time.count()); }
  void operator()(config::Duration time) const { out_.word(static_cast<std::uint64_t>(time.count())); }
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) void operator()(T value) const {
    out_.integer(static_cast<std::uint64_t>(value));
  }
  std::size_t size(std::size_t size) const {
    out_.integer(size);
    return size;
  }

 private:
  ByteWriter& out_;
};

class Get {
 public:
  explicit Get(ByteReader& in) : in_(in) {}
  static constexpr bool kReads = true;

  void operator()(std::string& text) const { text = in_.text(kMostText); }
  void operator()(double& number) const { number = in_.number(); }
  void operator()(Seconds& time) const { time = Seconds(in_.number()); }
  void operator()(config::Duration& time) const {
    time = config::Duration(static_cast<config::Duration::rep>(in_.word()));
  }
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) void operator()(T& value) const {
    value = static_cast<T>(in_.integer());
  }
  // What is damaged ends as an empty list.
  std::size_t size(std::size_t) const { return in_.integer_up_to(kMostElements); }

 private:
  ByteReader& in_;
};

template <class Code, class Optional>
void each_optional(const Code& code, Optional& value) {
  bool has = value.has_value();
  code(has);
  if constexpr (Code::kReads) {
    value.reset();
    if (has) value.emplace();
  }
  if (has) code(*value);
}

template <class Code, class List, class Each>
void each_element(const Code& code, List& list, const Each& each) {
  const std::size_t size = code.size(list.size());
  if constexpr (Code::kReads) {
    list.clear();
    list.resize(size);
  }
  for (auto& element : list) each(element);
}

template <class Code, class Stage>
void each_stage(const Code& code, Stage& stage) {
  bool pauses = std::holds_alternative<config::Pause>(stage);
  code(pauses);
  if constexpr (Code::kReads) {
    if (pauses) stage.template emplace<config::Pause>();
  }
  if (pauses) {
    auto& [duration] = std::get<config::Pause>(stage);
    each_optional(code, duration);
    return;
  }
  auto& [at_least, min_requests, at_most, on_inconclusive] = std::get<config::Hold>(stage);
  code(at_least);
  code(min_requests);
  code(at_most);
  code(on_inconclusive);
}

template <class Code, class Guard>
void each_of_guard(const Code& code, Guard& guard) {
  auto& [metric, quantile, relative, absolute, absolute_duration, max_share, max_duration, action, gate, finish, cap,
         scoring] = guard;
  code(metric);
  code(quantile);
  code(relative);
  code(absolute);
  code(absolute_duration);
  each_optional(code, max_share);
  each_optional(code, max_duration);
  code(action);
  code(gate);
  code(finish);
  code(cap);
  auto& [name, source, binary, lower_is_better, from, to] = scoring;
  code(name);
  code(source);
  code(binary);
  code(lower_is_better);
  code(from);
  code(to);
}

// A rescue hides the candidate's failures from users, never from its judge.
template <class Code, class Analysis>
void each_of_analysis(const Code& code, Analysis& analysis) {
  auto& [enabled, max_false_rollback, max_false_advance, holdback_ppm, warmup, on_guard_fail, rescue, guards] =
      analysis;
  code(enabled);
  code(max_false_rollback);
  code(max_false_advance);
  code(holdback_ppm);
  code(warmup);
  code(on_guard_fail);
  each_element(code, guards, [&](auto& guard) { each_of_guard(code, guard); });
}

template <class Code, class Most>
void each_of_max_exposure(const Code& code, Most& most) {
  auto& [excess_failures, extra_cost, failed_requests] = most;
  each_optional(code, excess_failures);
  each_optional(code, extra_cost);
  each_optional(code, failed_requests);
}

// How a copy is made decides nothing, and is not kept.
template <class Code, class Policy>
void each_of_policy(const Code& code, Policy& policy) {
  auto& [baseline, candidate, revision, salt, stickiness, overrides, strategy, steps, mirror, scale_down_delay,
         max_exposure, analysis, webhooks] = policy;
  code(baseline);
  code(candidate);
  code(revision);
  code(salt);
  auto& [by, scope, expiry, memory] = stickiness;
  each_element(code, by, [&](auto& source) {
    auto& [header, cookie, query, api_key, client_address, body] = source;
    code(header);
    code(cookie);
    code(query);
    code(api_key);
    code(client_address);
    each_optional(code, body);
  });
  code(scope);
  code(strategy);
  each_element(code, steps, [&](auto& step) {
    auto& [weight_ppm, stages, mirror_ppm] = step;
    code(weight_ppm);
    code(mirror_ppm);
    each_element(code, stages, [&](auto& stage) { each_stage(code, stage); });
  });
  each_optional(code, scale_down_delay);
  each_of_max_exposure(code, max_exposure);
  each_of_analysis(code, analysis);
}

template <class Code, class Exposure>
void each_of_exposure(const Code& code, Exposure& exposure) {
  auto& [steps] = exposure;
  each_element(code, steps, [&](auto& step) {
    auto& [id, arms, kept] = step;
    code(id);
    for (auto& arm : arms) {
      auto& [met, cost] = arm;
      code(met.n);
      code(met.x);
      code(cost.n);
      code(cost.sum);
    }
    code(kept.n);
    code(kept.x);
  });
}

// Of another size, as damage has it, is none.
template <class Code, class Tally>
void each_of_shadow(const Code& code, Tally& tally) {
  auto& [counts] = tally;
  each_element(code, counts, [&](auto& count) { code(count); });
  if constexpr (Code::kReads) {
    if (counts.size() != ShadowTally::kSize) counts.clear();
  }
}

template <class Code, class State>
void each_of_state(const Code& code, State& state) {
  auto& [phase, cause, reason, weight_ppm, stage, step, attempt, steps_at_start, decided_ms, served_ppm, next_ppm, salt,
         plan, alarms, keeps_baseline, exposure, shadow, elapsed, in_step, in_stage, warmup_left] = state;
  code(phase);
  code(cause);
  code(reason);
  code(weight_ppm);
  code(stage);
  code(step);
  code(attempt);
  code(steps_at_start);
  code(decided_ms);
  code(served_ppm);
  code(next_ppm);
  code(salt);
  code(plan);
  code(alarms);
  code(keeps_baseline);
  each_of_exposure(code, exposure);
  each_of_shadow(code, shadow);
  code(elapsed);
  code(in_step);
  code(in_stage);
  code(warmup_left);
}

template <class Code, class Key>
void each_of_key(const Code& code, Key& key) {
  auto& [service, baseline, candidate, revision] = key;
  code(service);
  code(baseline);
  code(candidate);
  code(revision);
}

}  // namespace

void write(ByteWriter& out, const RolloutKey& key) { each_of_key(Put(out), key); }
void read(ByteReader& in, RolloutKey& key) { each_of_key(Get(in), key); }
void write(ByteWriter& out, const RolloutState& state) { each_of_state(Put(out), state); }
void read(ByteReader& in, RolloutState& state) { each_of_state(Get(in), state); }
void write(ByteWriter& out, const config::Rollout& policy) { each_of_policy(Put(out), policy); }
void read(ByteReader& in, config::Rollout& policy) { each_of_policy(Get(in), policy); }

}  // namespace weir::analysis
