#include "proxy/net/deadline_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/random.h"

namespace weir::proxy {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

constexpr SteadyTime kStart{hours(1)};

// A deadline that counts how often it has passed, and then does what it was told to.
struct Alarm {
  explicit Alarm(DeadlineList& list)
      : deadline(
            list, [](void* self) { static_cast<Alarm*>(self)->pass(); }, this) {}

  void pass() {
    ++passed;
    if (then) then();
  }

  int passed = 0;
  std::function<void()> then;
  Deadline deadline;
};

TEST(DeadlineList, PassesAtItsTimeOrATickLaterAndNeverEarlier) {
  DeadlineList list(kStart);
  Alarm alarm(list);
  alarm.deadline.set(kStart + microseconds(15'001));
  EXPECT_TRUE(alarm.deadline.is_set());
  list.advance(kStart + microseconds(15'000));
  list.advance(kStart + microseconds(19'999));
  EXPECT_EQ(alarm.passed, 0);
  list.advance(kStart + milliseconds(20));
  EXPECT_EQ(alarm.passed, 1);
  EXPECT_FALSE(alarm.deadline.is_set());
  list.advance(kStart + seconds(60));
  EXPECT_EQ(alarm.passed, 1);
}

TEST(DeadlineList, PassesWhatIsOverdueAtTheNextTick) {
  DeadlineList list(kStart);
  list.advance(kStart + seconds(5));
  Alarm alarm(list);
  alarm.deadline.set(kStart - seconds(1));
  list.advance(kStart + seconds(5));
  EXPECT_EQ(alarm.passed, 0);
  list.advance(kStart + seconds(5) + DeadlineList::kTick);
  EXPECT_EQ(alarm.passed, 1);
}

TEST(DeadlineList, HoldsWhatIsFurtherAwayThanTheWheelTurns) {
  DeadlineList list(kStart);
  Alarm alarm(list);
  alarm.deadline.set(kStart + hours(2));
  SteadyTime now = kStart;
  while (now < kStart + hours(2) - DeadlineList::kTick) {
    list.advance(now += seconds(7));
    ASSERT_EQ(alarm.passed, now < kStart + hours(2) ? 0 : 1);
  }
  list.advance(kStart + hours(2));
  EXPECT_EQ(alarm.passed, 1);
}

TEST(DeadlineList, NeverPassesWhatIsSetToTheEndOfTime) {
  DeadlineList list(kStart);
  Alarm alarm(list);
  alarm.deadline.set(SteadyTime::max() - hours(1));
  list.advance(kStart + hours(24 * 365));
  EXPECT_EQ(alarm.passed, 0);
}

TEST(DeadlineList, MovesBothWaysAndIsCleared) {
  DeadlineList list(kStart);
  Alarm later(list);
  Alarm sooner(list);
  Alarm never(list);
  later.deadline.set(kStart + milliseconds(50));
  later.deadline.set(kStart + milliseconds(90));
  sooner.deadline.set(kStart + milliseconds(90));
  sooner.deadline.set(kStart + milliseconds(50));
  never.deadline.set(kStart + milliseconds(50));
  never.deadline.clear();
  EXPECT_FALSE(never.deadline.is_set());
  EXPECT_EQ(later.deadline.at(), kStart + milliseconds(90));
  list.advance(kStart + milliseconds(60));
  EXPECT_EQ(sooner.passed, 1);
  EXPECT_EQ(later.passed, 0);
  list.advance(kStart + milliseconds(100));
  EXPECT_EQ(later.passed, 1);
  EXPECT_EQ(never.passed, 0);
}

TEST(DeadlineList, VisitsEverythingOnceAfterALongStall) {
  DeadlineList list(kStart);
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 1; i <= 2'000; ++i) {
    alarms.push_back(std::make_unique<Alarm>(list));
    alarms.back()->deadline.set(kStart + milliseconds(37) * i);
  }
  list.advance(kStart + milliseconds(37) * 1'500);
  for (int i = 1; i <= 2'000; ++i) EXPECT_EQ(alarms[static_cast<std::size_t>(i - 1)]->passed, i <= 1'500 ? 1 : 0) << i;
  list.advance(kStart + milliseconds(37) * 2'001);
  for (const auto& alarm : alarms) EXPECT_EQ(alarm->passed, 1);
}

// All at one tick, so that whichever is visited first meets the others in the same slot.
class DeadlineListCallbacks : public testing::Test {
 protected:
  DeadlineListCallbacks() {
    for (auto& alarm : alarms_) {
      alarm = std::make_unique<Alarm>(list_);
      alarm->deadline.set(kAt);
    }
  }
  // The first to be visited does `what` to all others.
  void first_does(std::function<void(std::unique_ptr<Alarm>&)> what) {
    for (auto& alarm : alarms_) {
      alarm->then = [this, what, self = alarm.get()] {
        if (std::exchange(done_, true)) return;
        first_ = self;
        for (auto& other : alarms_) {
          if (other.get() != self) what(other);
        }
      };
    }
    list_.advance(kAt);
    ASSERT_TRUE(done_);
  }
  int passed_others() const {
    int sum = 0;
    for (const auto& alarm : alarms_) {
      if (alarm != nullptr && alarm.get() != first_) sum += alarm->passed;
    }
    return sum;
  }

  static constexpr SteadyTime kAt = kStart + milliseconds(100);
  DeadlineList list_{kStart};
  std::array<std::unique_ptr<Alarm>, 4> alarms_;
  Alarm* first_ = nullptr;
  bool done_ = false;
};

TEST_F(DeadlineListCallbacks, MayClearOthers) {
  first_does([](std::unique_ptr<Alarm>& other) { other->deadline.clear(); });
  list_.advance(kAt + seconds(1));
  EXPECT_EQ(passed_others(), 0);
}

TEST_F(DeadlineListCallbacks, MayDestroyOthers) {
  first_does([](std::unique_ptr<Alarm>& other) { other.reset(); });
  list_.advance(kAt + seconds(1));
  EXPECT_EQ(first_->passed, 1);
}

TEST_F(DeadlineListCallbacks, MayPutOthersOff) {
  first_does([](std::unique_ptr<Alarm>& other) { other->deadline.set(kAt + milliseconds(500)); });
  list_.advance(kAt + milliseconds(499));
  EXPECT_EQ(passed_others(), 0);
  list_.advance(kAt + milliseconds(500));
  EXPECT_EQ(passed_others(), 3);
}

TEST_F(DeadlineListCallbacks, MayBringOthersForward) {
  first_does([](std::unique_ptr<Alarm>& other) { other->deadline.set(kStart); });
  list_.advance(kAt + DeadlineList::kTick);
  EXPECT_EQ(passed_others(), 3);
}

TEST(DeadlineList, LetsACallbackSetItselfAgain) {
  DeadlineList list(kStart);
  Alarm alarm(list);
  alarm.then = [&] { alarm.deadline.set(kStart + milliseconds(100) * (alarm.passed + 1)); };
  alarm.deadline.set(kStart + milliseconds(100));
  list.advance(kStart + milliseconds(1'000));
  EXPECT_EQ(alarm.passed, 10);
}

TEST(DeadlineList, LetsACallbackDestroyItsOwnOwner) {
  DeadlineList list(kStart);
  auto alarm = std::make_unique<Alarm>(list);
  Alarm* const owner = alarm.get();
  int passed = 0;
  owner->then = [&] {
    ++passed;
    std::function<void()> running = std::move(owner->then);  // outlives the owner
    alarm.reset();
  };
  owner->deadline.set(kStart);
  list.advance(kStart + seconds(1));
  EXPECT_EQ(passed, 1);
}

// Against the obvious: a list of times looked through at every step.
TEST(DeadlineList, AgreesWithAListOfTimesUnderAnythingDoneToIt) {
  Random random(20'260'101);
  DeadlineList list(kStart);
  std::vector<std::unique_ptr<Alarm>> alarms;
  std::vector<SteadyTime> times(50, SteadyTime::max());
  for (std::size_t i = 0; i < times.size(); ++i) alarms.push_back(std::make_unique<Alarm>(list));
  SteadyTime now = kStart;
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t i = random.below(50);
    const std::uint32_t action = random.below(10);
    if (action == 0) {
      alarms[i]->deadline.clear();
      times[i] = SteadyTime::max();
    } else if (action < 6) {
      times[i] = now + microseconds(random.below(action == 1 ? 60'000'000 : 300'000));
      alarms[i]->deadline.set(times[i]);
    } else {
      now += microseconds(random.below(step % 1'000 == 0 ? 30'000'000 : 40'000));
      list.advance(now);
    }
    const SteadyTime tick_began = now - DeadlineList::kTick;
    for (std::size_t k = 0; k < times.size(); ++k) {
      const bool gone = times[k] != SteadyTime::max() && !alarms[k]->deadline.is_set();
      if (gone) {
        ASSERT_LE(times[k], now) << "step " << step;
        times[k] = SteadyTime::max();
      } else if (action >= 6) {
        ASSERT_GT(times[k], tick_began) << "step " << step;
      }
    }
  }
}

TEST(After, IsNeverWhenItCannotBeReckoned) {
  const SteadyTime now = std::chrono::steady_clock::now();
  EXPECT_EQ(after(now, std::chrono::milliseconds(250)), now + std::chrono::milliseconds(250));
  EXPECT_EQ(after(now, std::chrono::milliseconds::max()), SteadyTime::max());
}

TEST(Deadline, IsClearedByWhatNeverComes) {
  DeadlineList list(SteadyTime{});
  Deadline deadline(
      list, [](void*) { FAIL(); }, nullptr);
  deadline.set(SteadyTime{} + std::chrono::seconds(1));
  deadline.set(SteadyTime::max());
  EXPECT_FALSE(deadline.is_set());
  list.advance(SteadyTime{} + std::chrono::hours(1));
}

}  // namespace
}  // namespace weir::proxy
