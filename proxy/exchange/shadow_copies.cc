#include "proxy/exchange/shadow_copies.h"

#include <utility>

#include "proxy/exchange/shadow_copy.h"

namespace weir::proxy {

ShadowCopies::ShadowCopies() = default;
ShadowCopies::~ShadowCopies() = default;

ShadowCopy& ShadowCopies::add(std::unique_ptr<ShadowCopy> copy) {
  ++under_way_;
  return *copies_.emplace_back(std::move(copy));
}

// A copy that ends is erased here alone: whoever walks the list may have ended it.
void ShadowCopies::sweep(bool tight) {
  if (copies_.empty()) return;
  if (tight) {
    for (const auto& copy : copies_) {
      copy->give_up(Count::kShadowOverloaded);
      copy->forgo_judge();
    }
  }
  copies_.remove_if([](const auto& copy) { return copy->over(); });
}

void ShadowCopies::close() {
  closed_ = true;
  for (const auto& copy : copies_) copy->give_up(Count::kShadowAbandoned);
}

}  // namespace weir::proxy
