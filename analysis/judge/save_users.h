// Confined to one thread. The test of the split as bytes. Its users, while they count, a byte each or as many bytes as
// the bitmap has, whichever is less; once they are enough the evidence says all.
#pragma once

#include "analysis/judge/bytes.h"
#include "analysis/judge/split_watch.h"
#include "analysis/stats/srm_test.h"

namespace weir::analysis {

void save_split(ByteWriter& out, const SrmTest& test);
void restore_split(ByteReader& in, SrmTest& test);

// Those that are still to be added.
void save_waiting(ByteWriter& out, const SplitWatch::Waiting& waiting);
void restore_waiting(ByteReader& in, SplitWatch::Waiting& waiting);

}  // namespace weir::analysis
