#include "proxy/observe/outcome_ring.h"

#include <bit>

namespace weir::proxy {

OutcomeRing::OutcomeRing(std::size_t capacity)
    : mask_(std::bit_ceil(capacity) - 1), records_(std::make_unique<Outcome[]>(mask_ + 1)) {}

}  // namespace weir::proxy
