// Confined to the control thread, but for what it gives the disk thread to do. The plan that runs: where it comes from, what
// of it this machine cannot give, and how it follows its file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/access_log_file.h"
#include "app/admin/api.h"
#include "app/disk_thread.h"
#include "app/feedback/join_store.h"
#include "app/file_watch.h"
#include "app/tls_files.h"
#include "base/json.h"
#include "config/config.h"
#include "proxy/net/tls_tickets.h"

namespace weir::app {

struct PlanOrigin {
  std::string file;               // empty: there is none, and nothing to load again
  std::string name;               // as people are told
  std::uint64_t descriptors = 0;  // the process's limit of open files
  std::string access_log;         // the command line's path, before the plan's; empty: it says none
};

// One that could run as far as can be known without serving it: all of its files are read or open.
struct NextPlan {
  config::Config config;
  std::vector<std::string> warnings;
  std::vector<std::string> lowered;
  std::shared_ptr<const TlsFiles> tls;
  LogFile access_log;  // not open: it wants none
  std::unique_ptr<JoinStore> memory;  // of requests that scores are about; null: it wants none, or there is one
};

// What a reading of the plan's file came to.
struct PlanRead {
  std::optional<FileStamp> stamp;  // from before it was read
  std::variant<NextPlan, ApiError> said;
  bool may_pass = false;  // it is refused for files that could not be read or used
};
// What a look at the files of the plan that runs came to.
struct FilesSeen {
  std::optional<FileWatch> watch;
  bool plan_changed = false;
  std::shared_ptr<const TlsFiles> before;
  std::shared_ptr<const TlsFiles> tls;
  bool tls_changed = false;  // what is served
};

class RunningPlan {
 public:
  // Fits the plan to the machine, and opens nothing yet.
  RunningPlan(config::Config config, PlanOrigin origin, std::int64_t unix_ms);

  // Reads what its TLS needs, once. Why it cannot be served; empty when it can.
  std::vector<std::string> open_tls(const AboutTo& about_to);
  // Not open, and without an error: the plan wants none.
  LogFile open_log(const AboutTo& about_to) const;
  // Where it is to be written; empty: the plan wants none.
  std::string access_log_path() const;

  const config::Config& config() const { return config_; }
  const std::string& name() const { return origin_.name; }
  const TlsFiles& tls() const { return *tls_; }  // from open_tls() on

  // Whether there is a file to load again.
  bool has_file() const { return watch_.has_value(); }
  // The two that wait for a disk may be called by another thread, and share nothing with this one. What the file says
  // now, or why it cannot run:
  std::function<PlanRead(const AboutTo&)> reading() const;
  // Whether the plan's file is another one than was read last, and whether those of TLS are.
  std::function<FilesSeen(const AboutTo&)> look(std::int64_t unix_s) const;
  // That it was: the file is read again when it changes, or when it was refused for what may pass. False: nothing is new,
  // it was so refused before.
  bool was_read(const PlanRead& read);
  // True: tls() has changed. Of a plan that runs no more it is nothing.
  bool take(FilesSeen seen);
  // From now on this one runs.
  void take(NextPlan next, std::int64_t unix_ms);
  // What the file says does not run, and why.
  void refuse(std::string_view actor, const ApiError& error);

  // The document of /api/v1/config. `workers`: as many as there are.
  json::Value document(std::uint32_t workers) const;
  // Tells the log what people may not expect of the plan.
  void tell() const;
  // What is wrong with it now, for people.
  std::vector<std::string> problems() const;
  std::uint64_t reloads() const { return reloads_; }
  std::uint64_t reloads_refused() const { return reloads_refused_; }

 private:
  PlanOrigin origin_;
  config::Config config_;
  std::vector<std::string> lowered_;  // listeners with fewer connections than the plan says
  std::shared_ptr<proxy::TlsTickets> tickets_ = std::make_shared<proxy::TlsTickets>();
  std::shared_ptr<const TlsFiles> tls_;
  std::optional<FileWatch> watch_;
  std::int64_t loaded_unix_ms_ = 0;
  std::optional<FileStamp> failed_stamp_;  // of the file when it was refused for what may pass,
  std::vector<std::string> failure_;       // and why
  std::string refused_;                    // why what the file says now is not what runs
  std::uint64_t reloads_ = 0;
  std::uint64_t reloads_refused_ = 0;
};

}  // namespace weir::app
