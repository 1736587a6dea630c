// Thread-safe for one producer (its worker) and one consumer (the control thread). Two answers to one request, as far as a
// judge of the plan gets to see them. They are large and few: a worker keeps a handful, and leaves out what finds no room.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/comparison.h"
#include "base/held_bytes.h"
#include "proxy/observe/outcome_ring.h"

namespace weir::proxy {

struct JudgedPair {
  // The beginning of a body.
  struct Excerpt {
    std::string type;  // its media type; empty: it did not say
    std::string text;
    std::uint64_t bytes = 0;  // of all of it
  };

  Comparison comparison;
  std::string request_id;
  std::string method;
  std::string path;
  Excerpt request;
  std::array<Excerpt, kArmCount> answers;  // by arm
  HeldBytes held;                          // of the texts
};

class PairQueue {
 public:
  explicit PairQueue(std::size_t capacity) : ring_(capacity) {}
  ~PairQueue() {
    drain([](const std::unique_ptr<JudgedPair>&) {});
  }
  PairQueue(const PairQueue&) = delete;
  PairQueue& operator=(const PairQueue&) = delete;

  // Producer only. False: there was no room.
  bool push(std::unique_ptr<JudgedPair> pair) {
    if (!ring_.push(pair.get())) return false;
    pair.release();
    return true;
  }
  // Consumer only.
  template <class Visit>
  void drain(Visit&& visit) {
    ring_.drain([&](JudgedPair* pair) { visit(std::unique_ptr<JudgedPair>(pair)); });
  }

 private:
  RecordRing<JudgedPair*> ring_;
};

}  // namespace weir::proxy
