#include "proxy/net/deadline_list.h"

#include <algorithm>

namespace weir::proxy {

void Deadline::set(SteadyTime at) {
  at_ = at;
  // Never, or linked early enough already: its slot's visit will find the new time and move it on, or drop it.
  if (at == kUnset || (linked_ && list_.time_of(tick_) <= at)) return;
  unlink();
  list_.link(*this);
}

void Deadline::unlink() {
  if (!linked_) return;
  linked_ = false;
  if (list_.cursor_ == this) list_.cursor_ = next_;
  Deadline*& head = list_.slots_[tick_ % DeadlineList::kSlots];
  if (previous_ != nullptr) {
    previous_->next_ = next_;
  } else {
    head = next_;
  }
  if (next_ != nullptr) next_->previous_ = previous_;
  previous_ = next_ = nullptr;
}

std::uint64_t DeadlineList::tick_of(SteadyTime at) const {
  if (at <= start_) return 0;
  // Rounded up: never early.
  return static_cast<std::uint64_t>((at - start_ + kTick - std::chrono::nanoseconds(1)) / kTick);
}

void DeadlineList::link(Deadline& deadline) {
  // A time beyond the wheel's turn waits in its last slot and is linked again from there.
  deadline.tick_ = std::clamp(tick_of(deadline.at_), done_ + 1, done_ + kSlots - 1);
  Deadline*& head = slots_[deadline.tick_ % kSlots];
  deadline.linked_ = true;
  deadline.next_ = head;
  if (head != nullptr) head->previous_ = &deadline;
  head = &deadline;
}

void DeadlineList::advance(SteadyTime now) {
  const auto current = now <= start_ ? std::uint64_t{0} : static_cast<std::uint64_t>((now - start_) / kTick);
  // After a long stall every slot is visited once, not once per tick missed.
  if (current > done_ + kSlots) done_ = current - kSlots;
  while (done_ < current) fire(++done_, now);
}

void DeadlineList::fire(std::uint64_t tick, SteadyTime now) {
  cursor_ = slots_[tick % kSlots];
  while (cursor_ != nullptr) {
    Deadline& deadline = *cursor_;
    cursor_ = deadline.next_;
    const SteadyTime at = deadline.at_;
    deadline.unlink();
    if (at == Deadline::kUnset) continue;
    if (at > now) {
      link(deadline);
      continue;
    }
    deadline.at_ = Deadline::kUnset;
    deadline.callback_(deadline.owner_);
  }
}

}  // namespace weir::proxy
