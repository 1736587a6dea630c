#include "app/tls_files.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace weir::app {
namespace {

std::vector<std::string> without_empty(std::vector<std::string> paths) {
  std::erase_if(paths, [](const std::string& path) { return path.empty(); });
  return paths;
}

std::vector<std::string> paths_of(const config::ListenerTls& tls) {
  std::vector<std::string> paths;
  for (const config::Certificate& certificate : tls.certificates)
    paths.insert(paths.end(), {certificate.certificate, certificate.key, certificate.ocsp});
  if (tls.clients) paths.push_back(tls.clients->ca);
  return without_empty(std::move(paths));
}

std::vector<std::string> paths_of(const config::OriginTls& tls) {
  return without_empty({tls.ca, tls.certificate, tls.key});
}

std::vector<std::optional<FileStamp>> stamps_of(const std::vector<std::string>& paths) {
  std::vector<std::optional<FileStamp>> stamps;
  for (const std::string& path : paths) stamps.push_back(stamp_of(path));
  return stamps;
}

std::string text_of(const std::vector<config::TlsFault>& faults) {
  std::string text;
  for (const config::TlsFault& fault : faults) text += (text.empty() ? "" : "; ") + fault.path + ": " + fault.what;
  return text;
}

}  // namespace

TlsFiles::TlsFiles(const config::Config& config, std::shared_ptr<proxy::TlsTickets> tickets, const TlsFiles* before)
    : tickets_(std::move(tickets)) {
  contexts_.listeners.resize(config.listeners.size());
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& listener = config.listeners[i];
    if (!listener.tls) continue;
    add({.name = "listener " + listener.address,
         .paths = paths_of(*listener.tls),
         .listener = listener.tls,
         .place = i},
        nullptr);
  }
  for (const auto& [service, settings] : config.services) {
    for (const auto& [name, version] : settings.versions) {
      const auto is_secure = [](const config::Endpoint& endpoint) { return endpoint.tls; };
      if (std::none_of(version.endpoints.begin(), version.endpoints.end(), is_secure)) continue;
      const std::string whole = service + "/" + name;
      add({.name = "version " + whole, .paths = paths_of(version.tls), .origin = version.tls, .version = whole},
          before);
      if (version.tls.insecure_skip_verify) unverified_.push_back(whole);
    }
  }
}

void TlsFiles::add(Entry entry, const TlsFiles* before) {
  // Watched from before they are read: what changes meanwhile is a change.
  for (const std::string& path : entry.paths) entry.files.emplace_back(path);
  entry.stamps = stamps_of(entry.paths);
  const bool kept = before != nullptr && keep(entry, *before);
  if (!kept && !read(entry)) faults_.push_back(entry.name + ": " + entry.problem);
  entries_.push_back(std::move(entry));
}

bool TlsFiles::keep(Entry& entry, const TlsFiles& before) {
  const auto same = [&](const Entry& other) {
    return other.version == entry.version && other.origin == entry.origin && other.stamps == entry.stamps &&
           other.problem.empty();
  };
  if (std::none_of(before.entries_.begin(), before.entries_.end(), same)) return false;
  contexts_.origins[entry.version] = before.contexts_.origins.at(entry.version);
  return true;
}

bool TlsFiles::read(Entry& entry) {
  std::vector<config::TlsFault> faults;
  entry.stamps = stamps_of(entry.paths);
  if (entry.listener) {
    auto context = proxy::TlsServerContext::read(*entry.listener, tickets_, faults);
    if (context != nullptr) contexts_.listeners[entry.place] = std::move(context);
  } else {
    auto context = proxy::TlsClientContext::read(*entry.origin, faults);
    if (context != nullptr) contexts_.origins[entry.version] = std::move(context);
  }
  entry.problem = text_of(faults);
  return faults.empty();
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
                                          {"effect", "what was loaded before is used until they are mended"}});
    }
  }
  return changed;
}

std::vector<std::string> TlsFiles::problems() const {
  std::vector<std::string> lines;
  for (const Entry& entry : entries_) {
    if (!entry.problem.empty())
      lines.push_back(entry.name + " uses certificates that are no longer in its files: " + entry.problem);
  }
  for (const std::string& version : unverified_)
    lines.push_back("the endpoints of version " + version + " are not verified (insecureSkipVerify)");
  return lines;
}

std::vector<config::TlsFault> listener_faults(const config::ListenerTls& settings) {
  std::vector<config::TlsFault> faults;
  proxy::TlsServerContext::read(settings, nullptr, faults);
  return faults;
}

std::vector<config::TlsFault> origin_faults(const config::OriginTls& settings) {
  std::vector<config::TlsFault> faults;
  proxy::TlsClientContext::read(settings, faults);
  return faults;
}

}  // namespace weir::app
