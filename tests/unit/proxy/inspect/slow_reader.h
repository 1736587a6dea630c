// Pure functions. Answers read the slow and simple way: the whole body, a tree for each of its JSON texts, and a look
// at each place by itself. All dialects.
#pragma once

#include "tests/unit/proxy/inspect/answers.h"

namespace weir::proxy {

AnswerFacts read_slowly(const Sent& sent);

}  // namespace weir::proxy
