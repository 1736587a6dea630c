// Confined to one thread. One rollout in a simulated world: the real Controller decides; its traffic, its clock and its
// disk are what is made up. Nothing of a run depends on anything but its spec and its seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/rollout/controller.h"
#include "analysis/sim/answer.h"
#include "analysis/sim/population.h"

namespace weir::analysis::sim {

struct WorldSpec {
  std::string service = "service";
  config::Rollout policy;
  Traffic traffic;
  Regression regression;
  Seconds before{600};  // of the baseline alone
  std::uint64_t seed = 1;
  Recorder* recorder = nullptr;  // must outlive the world
};

// One request, for who watches the world beside the analyzer. At the moment it comes, not when it ends.
struct Served {
  double at_s = 0;  // of the rollout's time; negative before it
  const Request& request;
  const User& user;
  Arm arm = Arm::kBaseline;
  Reply answer;
};

class World final : private MetricSource, private TrafficControl, private StateStore {
 public:
  // Every length of time that a world passes is a multiple of this.
  static constexpr Milliseconds kSlot{100};

  // When it returns, the time before the rollout is over; its first tick begins it.
  explicit World(WorldSpec spec);

  void tick(Milliseconds dt);
  // The plan says something else about the same rollout, and has guards of the same scores.
  void edit(config::Rollout policy);
  // Refused when that cannot be done now; the word why.
  std::optional<std::string> say(Command::Verb verb, std::uint32_t weight_ppm = 0);

  Seconds now() const { return Seconds(slot_seconds(slot_) - spec_.before.count()); }  // since the rollout's beginning
  const Rollout& rollout() const { return controller_->rollouts().begin()->second; }
  const Controller& controller() const { return *controller_; }
  const RolloutTraffic& traffic() const { return plan_->of(kService); }
  std::uint64_t requests() const { return requests_; }  // since the rollout's beginning
  std::uint64_t candidate_requests() const { return candidate_requests_; }

  // Called for every request from now on.
  void watch(std::function<void(const Served&)> watcher) { watcher_ = std::move(watcher); }
  // The records of each tick, of whatever kind, reach the analyzer in an order of its own.
  void shuffle(std::uint64_t seed) { shuffled_.emplace(seed); }
  // So many records never reach the analyzer, and it knows that much.
  void lose(std::uint64_t records) { lost_ += records; }

 private:
  static constexpr ServiceId kService = 0;
  static constexpr VersionId kBaseline = 0;
  static constexpr VersionId kCandidate = 1;  // the baseline itself where it is compared with itself

  static double slot_seconds(std::int64_t slot) { return static_cast<double>(slot) * Seconds(kSlot).count(); }
  void collect(Tick& into) override;
  void apply(std::shared_ptr<const TrafficPlan> plan) override { plan_ = std::move(plan); }
  Ticket append(StateWrite) override { return ++last_ticket_; }
  bool discard(Ticket) override { return false; }
  Ticket durable_through() const override { return last_ticket_; }
  StoreHealth health() const override { return {}; }

  // What somebody will say of an answer.
  struct Opinion {
    Attribution of;
    double relevance = 0;
    bool hallucinated = false;
  };
  // What becomes known in one slot.
  struct Known {
    std::vector<Outcome> outcomes;
    std::vector<weir::Answer> answers;
    std::vector<Opinion> opinions;
  };

  // What somebody says who is asked for such a score.
  static double said(const Opinion& opinion, const config::Scoring& scoring);
  // Which scores the plan's guards are about, each once.
  static std::vector<config::Scoring> scorings_of(const config::Rollout& policy);

  Outcome assigned(const Request& request, const User& user) const;
  void serve(const Request& request, Tick& into);
  void tell_slowness(Outcome& ended, double at_s, Tick& into);
  void tell_answer(const Outcome& ended, const Reply& reply, bool scored, std::int64_t slot);
  void hand_over(const Outcome& outcome, std::int64_t slot, Tick& into);
  Known& known_at(std::int64_t slot);
  void fold(const Outcome& outcome, Tick& into);
  void fold(Known& known, Tick& into);
  template <class Record>
  void shuffle(std::vector<Record>& records);

  WorldSpec spec_;
  std::vector<config::Scoring> scorings_;
  Population population_;
  ManualClock clock_;
  bool keyed_ = false;
  std::int64_t slot_ = 0;    // how many of them have passed
  std::int64_t told_ = 0;    // of them, those whose records the analyzer has
  std::deque<Known> later_;  // by slot, from told_ on: what becomes known after the tick it came in
  Known now_known_;          // of answers and opinions: in the tick that is being told
  std::shared_ptr<const TrafficPlan> plan_;
  Ticket last_ticket_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t candidate_requests_ = 0;
  std::function<void(const Served&)> watcher_;
  std::optional<Random> shuffled_;
  std::vector<Outcome> unordered_;
  std::uint64_t lost_ = 0;
  std::unique_ptr<Controller> controller_;
};

}  // namespace weir::analysis::sim
