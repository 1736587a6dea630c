#include "proxy/split/settle.h"

namespace weir::proxy {
namespace {

// A candidate that nobody tries any more, and that was never promoted.
void end_trial(PinTable& sessions) {
  const Trial& trial = sessions.trial();
  if (trial.candidate != kNoId && !trial.promoted) sessions.dismiss(trial.candidate);
}

void begin_trial(const SplitSpec& spec, PinTable& sessions) {
  const VersionId last = sessions.trial().candidate;
  if (last == spec.candidate) sessions.dismiss(spec.baseline);
  // What is the baseline now goes on.
  if (last != spec.candidate && last != spec.baseline) end_trial(sessions);
  sessions.dismiss(spec.candidate);
  sessions.admit(spec.baseline);
  sessions.admit(spec.candidate);
}

// Who is given nothing stays dismissed.
void settle_weights(const SplitSpec& spec) {
  if (spec.sessions != nullptr) {
    end_trial(*spec.sessions);
    spec.sessions->trial() = {};
  }
  for (PinTable* const table : {spec.sessions.get(), spec.creators.get()}) {
    if (table == nullptr) continue;
    for (const WeightedVersion& entry : spec.weights) {
      if (entry.weight_ppm > 0) table->admit(entry.version);
    }
  }
}

}  // namespace

void settle(const SplitSpec& spec, const RolloutTraffic& traffic) {
  if (spec.candidate == kNoId) {
    settle_weights(spec);
    return;
  }
  if (traffic.identity != spec.identity) return;
  const bool closed = traffic.candidate_closed && spec.candidate != spec.baseline;
  if (PinTable* const creators = spec.creators.get()) {
    creators->admit(spec.baseline);
    closed ? creators->dismiss(spec.candidate) : creators->admit(spec.candidate);
  }
  PinTable* const sessions = spec.sessions.get();
  if (sessions == nullptr) return;
  if (sessions->trial().attempt != traffic.attempt) begin_trial(spec, *sessions);
  sessions->trial() = {.attempt = traffic.attempt, .candidate = spec.candidate, .promoted = traffic.promoted};
  if (closed) sessions->dismiss(spec.candidate);
}

}  // namespace weir::proxy
