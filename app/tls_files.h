// Confined to one thread; immutable where threads share it: who looks at the files looks with a copy of his own. What the
// files of a plan's TLS hold, kept in step with them: certificates are renewed while the weir runs. A file that cannot be
// used any more changes nothing until it can.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/disk_thread.h"
#include "app/file_watch.h"
#include "app/metrics/exposition.h"
#include "config/config.h"
#include "proxy/exchange/topology.h"
#include "proxy/net/tls_tickets.h"
#include "proxy/net/validity.h"

namespace weir::app {

class TlsFiles {
 public:
  // Reads all that the plan names. What `before` has of it, from the same files as they are now, is kept, for origins
  // are connected to anew when theirs is another.
  TlsFiles(const config::Config& config, std::shared_ptr<proxy::TlsTickets> tickets, const TlsFiles* before,
           const AboutTo& about_to);

  // Why the plan cannot be served; empty when it can.
  const std::vector<std::string>& faults() const { return faults_; }
  const proxy::TlsContexts& contexts() const { return contexts_; }

  // Once a second. True: contexts() has changed. Tells the log once of each file that is gone, and of each certificate
  // and response when its time ends, will soon, or has not begun.
  bool look(std::int64_t unix_s, const AboutTo& about_to);
  // Files that are not what is served, and why; as of the last look what is about to end; and what is not verified.
  std::vector<std::string> problems() const;
  // How long what is served holds.
  std::vector<CertificateSample> samples(std::int64_t unix_s) const;
  // Versions whose endpoints are believed whoever they are.
  const std::vector<std::string>& unverified() const { return unverified_; }

 private:
  // A file that cannot be read any more.
  struct Loss {
    int looks = 0;        // in a row
    std::string problem;  // told
  };
  struct Entry {
    std::string name;  // as people know it
    std::vector<std::string> paths;
    std::map<std::string, std::string> labels = {};  // as metrics know it
    std::optional<config::ListenerTls> listener = {};
    std::size_t place = 0;  // of the listener
    std::optional<config::OriginTls> origin = {};
    std::string version = {};  // "service/version" of the origin
    std::vector<FileWatch> files = {};
    std::vector<std::optional<FileStamp>> stamps = {};  // as the files were read
    std::string problem = {};
    bool served = true;             // what is in the files, but for what `problem` says is left out
    std::vector<Loss> losses = {};  // by path
    std::map<std::string, proxy::Standing> standings = {};  // by path, of what is served, as told
    std::vector<std::string> doubts = {};
    bool looked_at = false;
  };

  void add(Entry entry, const TlsFiles* before, const AboutTo& about_to);
  bool keep(Entry& entry, const TlsFiles& before);
  bool read(Entry& entry);
  static bool is_to_be_read(Entry& entry);
  bool read_again(Entry& entry);
  static void tell_losses(Entry& entry);
  void tell_standings(Entry& entry, std::int64_t unix_s);
  const std::vector<proxy::FileValidity>& validities_of(const Entry& entry) const;

  std::shared_ptr<proxy::TlsTickets> tickets_;
  std::vector<Entry> entries_;
  proxy::TlsContexts contexts_;
  std::vector<std::string> faults_;
  std::vector<std::string> unverified_;
};

// What is wrong with the files, for the plan's check.
std::vector<config::TlsFault> listener_faults(const config::ListenerTls& settings);
std::vector<config::TlsFault> origin_faults(const config::OriginTls& settings);
// What people should know of them now, though they can be used.
std::vector<config::TlsFault> listener_doubts(const config::ListenerTls& settings);
std::vector<config::TlsFault> origin_doubts(const config::OriginTls& settings);

}  // namespace weir::app
