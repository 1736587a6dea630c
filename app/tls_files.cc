#include "app/tls_files.h"

#include <utility>

#include "base/log.h"

namespace weir::app {
namespace {

std::vector<FileWatch> watches(const config::ListenerTls& tls) {
  std::vector<FileWatch> files;
  const auto watch = [&](const std::string& path) {
    if (!path.empty()) files.emplace_back(path);
  };
  for (const config::Certificate& certificate : tls.certificates) {
    watch(certificate.certificate);
    watch(certificate.key);
    watch(certificate.ocsp);
  }
  if (tls.clients) watch(tls.clients->ca);
  return files;
}

std::string text_of(const std::vector<config::TlsFault>& faults) {
  std::string text;
  for (const config::TlsFault& fault : faults) text += (text.empty() ? "" : "; ") + fault.path + ": " + fault.what;
  return text;
}

}  // namespace

TlsFiles::TlsFiles(const config::Config& config, std::shared_ptr<proxy::TlsTickets> tickets)
    : tickets_(std::move(tickets)) {
  contexts_.listeners.resize(config.listeners.size());
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& listener = config.listeners[i];
    if (!listener.tls) continue;
    // Watched from before they are read: what changes meanwhile is a change.
    entries_.push_back({.name = "listener " + listener.address,
                        .listener = i,
                        .settings = *listener.tls,
                        .files = watches(*listener.tls),
                        .problem = {}});
    if (!read(entries_.back())) faults_.push_back(entries_.back().name + ": " + entries_.back().problem);
  }
}

bool TlsFiles::read(Entry& entry) {
  std::vector<config::TlsFault> faults;
  auto context = proxy::TlsServerContext::read(entry.settings, tickets_, faults);
  entry.problem = text_of(faults);
  if (context == nullptr) return false;
  contexts_.listeners[entry.listener] = std::move(context);
  return true;
}

bool TlsFiles::look() {
  bool changed = false;
  for (Entry& entry : entries_) {
    bool touched = false;
    for (FileWatch& file : entry.files) touched = file.changed() || touched;
    if (!touched) continue;
    if (read(entry)) {
      log::info("certificates_loaded", {{"for", entry.name}});
      changed = true;
    } else {
      log::error("certificates_refused", {{"for", entry.name},
                                          {"problem", entry.problem},
                                          {"effect", "what was loaded before is served until they are mended"}});
    }
  }
  return changed;
}

std::vector<std::string> TlsFiles::problems() const {
  std::vector<std::string> lines;
  for (const Entry& entry : entries_) {
    if (!entry.problem.empty())
      lines.push_back(entry.name + " serves certificates that are no longer in its files: " + entry.problem);
  }
  return lines;
}

std::vector<config::TlsFault> faults_of(const config::ListenerTls& settings) {
  std::vector<config::TlsFault> faults;
  proxy::TlsServerContext::read(settings, nullptr, faults);
  return faults;
}

}  // namespace weir::app
