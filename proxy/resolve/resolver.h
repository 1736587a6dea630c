// Thread-safe. Keeps the addresses of names up to date, on a thread of its own: nobody who asks what is known waits.
// Without names there is no thread.
//
// A name is asked for when it comes, and again whenever its answer's TTL has passed. While it cannot be resolved, what
// was known last stays, and it is asked for after a while that grows.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/snapshot.h"
#include "config/dns.h"
#include "proxy/resolve/lookup.h"
#include "proxy/resolve/name_table.h"
#include "proxy/resolve/resolution.h"

namespace weir::proxy {

class Resolver {
 public:
  // Names that are looked up at the same time; others wait for their turn.
  static constexpr std::size_t kAtOnce = 32;

  struct Wanted {
    std::set<std::string> names;  // no addresses in digits
    config::Dns rules;
  };

  Resolver();
  ~Resolver();  // lookups under way are given up
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // From now on these.
  void want(Wanted wanted);
  // What is known; never null. Another one each time that something of it changes.
  std::shared_ptr<const Resolution> current() const { return current_.load(); }

 private:
  void run();
  bool take_orders();
  void look_up(SteadyTime now);
  void take_answers(SteadyTime now);
  void wait();
  void wake() const;

  const int wake_;  // an eventfd
  Snapshot<Resolution> current_;
  std::thread thread_;  // from the first name on
  std::mutex mutex_;
  std::optional<Wanted> next_;  // with the mutex
  bool stopping_ = false;       // with the mutex
  // The thread's:
  NameTable table_;
  config::Dns rules_;
  std::map<std::string, std::unique_ptr<Lookup>> lookups_;
  bool changed_ = false;
};

}  // namespace weir::proxy
