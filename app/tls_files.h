// Confined to the control thread. What the files of a plan's TLS hold, kept in step with them: certificates are renewed
// while the weir runs. A file that cannot be used any more changes nothing until it can.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/file_watch.h"
#include "config/config.h"
#include "proxy/exchange/topology.h"
#include "proxy/net/tls_tickets.h"

namespace weir::app {

class TlsFiles {
 public:
  // Reads all that the plan names.
  TlsFiles(const config::Config& config, std::shared_ptr<proxy::TlsTickets> tickets);

  // Why the plan cannot be served; empty when it can.
  const std::vector<std::string>& faults() const { return faults_; }
  const proxy::TlsContexts& contexts() const { return contexts_; }

  // Once a second. True: contexts() has changed.
  bool look();
  // Files that are not what is served, and why.
  std::vector<std::string> problems() const;

 private:
  struct Entry {
    std::string name;  // as people know it
    std::size_t listener = 0;
    config::ListenerTls settings;
    std::vector<FileWatch> files;
    std::string problem;
  };

  bool read(Entry& entry);

  std::shared_ptr<proxy::TlsTickets> tickets_;
  std::vector<Entry> entries_;
  proxy::TlsContexts contexts_;
  std::vector<std::string> faults_;
};

// What is wrong with the files, for the plan's check.
std::vector<config::TlsFault> faults_of(const config::ListenerTls& settings);

}  // namespace weir::app
