// Confined to the control thread, unless said otherwise. The process's signals as events, and what else of the process a
// server sets up once.
#pragma once

#include <cstdint>
#include <vector>

namespace weir::app {

enum class Signal : std::uint8_t {
  kTerminate,   // SIGTERM or SIGINT
  kReload,      // SIGHUP
  kReopenLogs,  // SIGUSR1
};

class Signals {
 public:
  // Before any other thread starts: they inherit what is blocked here. SIGPIPE is ignored.
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  std::vector<Signal> take();
  // Readable while a signal waits.
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

// Any thread, while Signals are there: SIGTERM or SIGINT has come, and nobody has taken it.
bool termination_waits();

// To the hard limit: each connection is a descriptor. Returns what now holds.
std::uint64_t raise_descriptor_limit();

}  // namespace weir::app
