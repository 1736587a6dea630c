#include "app/tls_files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <set>
#include <system_error>
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

bool is_ocsp(const std::optional<config::ListenerTls>& tls, const std::string& path) {
  const auto staples = [&](const auto& certificate) { return certificate.ocsp == path; };
  return tls && std::any_of(tls->certificates.begin(), tls->certificates.end(), staples);
}

std::vector<std::optional<FileStamp>> stamps_of(const std::vector<std::string>& paths) {
  std::vector<std::optional<FileStamp>> stamps;
  for (const std::string& path : paths) stamps.push_back(stamp_of(path));
  return stamps;
}

// What the system says; empty when it can be read.
std::string unreadable(const std::string& path) {
  return ::access(path.c_str(), R_OK) == 0 ? std::string() : std::generic_category().message(errno);
}

// What people should know now, for the plan's check.
template <class Context>
std::vector<config::TlsFault> doubts_of(const std::shared_ptr<const Context>& context) {
  std::vector<config::TlsFault> doubts;
  const std::int64_t now_s = std::time(nullptr);
  if (context == nullptr) return doubts;
  for (const proxy::FileValidity& validity : context->validities()) {
    if (std::optional<config::TlsFault> fault = doubt(validity, now_s)) doubts.push_back(std::move(*fault));
  }
  return doubts;
}

std::string text_of(const std::vector<config::TlsFault>& faults) {
  std::string text;
  for (const config::TlsFault& fault : faults) text += (text.empty() ? "" : "; ") + fault.path + ": " + fault.what;
  return text;
}

}  // namespace

TlsFiles::TlsFiles(const config::Config& config, std::shared_ptr<proxy::TlsTickets> tickets, const TlsFiles* before,
                   const AboutTo& about_to)
    : tickets_(std::move(tickets)) {
  contexts_.listeners.resize(config.listeners.size());
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& listener = config.listeners[i];
    if (!listener.tls) continue;
    add({.name = "listener " + listener.address,
         .paths = paths_of(*listener.tls),
         .labels = {{"listener", listener.address}},
         .listener = listener.tls,
         .place = i},
        nullptr, about_to);
  }
  for (const auto& [service, settings] : config.services) {
    for (const auto& [name, version] : settings.versions) {
      const auto is_secure = [](const config::Endpoint& endpoint) { return endpoint.tls; };
      if (std::none_of(version.endpoints.begin(), version.endpoints.end(), is_secure)) continue;
      const std::string whole = service + "/" + name;
      add({.name = "version " + whole,
           .paths = paths_of(version.tls),
           .labels = {{"service", service}, {"version", name}},
           .origin = version.tls,
           .version = whole},
          before, about_to);
      if (version.tls.insecure_skip_verify) unverified_.push_back(whole);
    }
  }
}

void TlsFiles::add(Entry entry, const TlsFiles* before, const AboutTo& about_to) {
  about_to("the files of " + entry.name);
  // Watched from before they are read: what changes meanwhile is a change.
  for (const std::string& path : entry.paths) entry.files.emplace_back(path);
  entry.stamps = stamps_of(entry.paths);
  entry.losses.resize(entry.paths.size());
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
  bool usable = false;
  if (entry.listener) {
    auto context = proxy::TlsServerContext::read(*entry.listener, tickets_, faults);
    usable = context != nullptr;
    if (usable) faults = context->left_out();
    if (usable) contexts_.listeners[entry.place] = std::move(context);
  } else {
    auto context = proxy::TlsClientContext::read(*entry.origin, faults);
    usable = context != nullptr;
    if (usable) contexts_.origins[entry.version] = std::move(context);
  }
  entry.problem = text_of(faults);
  entry.served = usable;
  // Of several files it is not known which one has to change: with the next change of any all are read.
  for (std::size_t i = 0; i < entry.files.size(); ++i) {
    if (entry.problem.empty()) {
      entry.files[i].seen(entry.stamps[i]);
    } else {
      entry.files[i].failed(entry.stamps[i]);
    }
  }
  return usable;
}

bool TlsFiles::look(std::int64_t unix_s, const AboutTo& about_to) {
  bool changed = false;
  for (Entry& entry : entries_) {
    about_to("the files of " + entry.name);
    tell_losses(entry);
    if (is_to_be_read(entry)) changed = read_again(entry) || changed;
    tell_standings(entry, unix_s);
  }
  return changed;
}

bool TlsFiles::is_to_be_read(Entry& entry) {
  bool touched = false;
  for (FileWatch& file : entry.files) touched = file.changed() || touched;
  return touched;
}

// What fails again for the same reason while no file changes is not told again.
bool TlsFiles::read_again(Entry& entry) {
  const std::vector<std::optional<FileStamp>> stamps = entry.stamps;
  const std::string problem = entry.problem;
  const bool usable = read(entry);
  if (!problem.empty() && entry.problem == problem && entry.stamps == stamps) return false;
  if (usable) {
    log::info("certificates_loaded", {{"for", entry.name}});
    if (!entry.problem.empty()) log::error("ocsp_response_refused", {{"for", entry.name}, {"problem", entry.problem}});
  } else {
    log::error("certificates_refused", {{"for", entry.name},
                                        {"problem", entry.problem},
                                        {"effect", "what was loaded before is used until they are mended"}});
  }
  return usable;
}

// Whoever writes a file anew may take it away first: once is no loss.
void TlsFiles::tell_losses(Entry& entry) {
  for (std::size_t i = 0; i < entry.paths.size(); ++i) {
    Loss& loss = entry.losses[i];
    const std::string problem = unreadable(entry.paths[i]);
    if (problem.empty() && !loss.problem.empty())
      log::info("certificate_file_back", {{"for", entry.name}, {"file", entry.paths[i]}});
    if (problem.empty()) loss = {};
    if (problem.empty() || ++loss.looks != 2) continue;
    loss.problem = problem;
    log::warn("certificate_file_lost",
              {{"for", entry.name},
               {"file", entry.paths[i]},
               {"problem", problem},
               {"effect", is_ocsp(entry.listener, entry.paths[i])
                              ? "what was read from it is used until it ends; a restart or reload goes on without it"
                              : "what was read from it is used; a restart or reload would fail"}});
  }
}

// Of what stood in the files when the plan was loaded, the plan's own warnings have told.
void TlsFiles::tell_standings(Entry& entry, std::int64_t unix_s) {
  const std::vector<proxy::FileValidity>& validities = validities_of(entry);
  const bool silent = !std::exchange(entry.looked_at, true);
  entry.doubts.clear();
  for (const proxy::FileValidity& of : validities) {
    const proxy::Standing now = standing(of, unix_s);
    const bool news = std::exchange(entry.standings[of.path], now) != now;  // good until it is told otherwise
    const std::optional<config::TlsFault> fault = doubt(of, unix_s);
    if (!fault) continue;
    entry.doubts.push_back(entry.name + ": " + fault->path + ": " + fault->what);
    if (news && !silent)
      log::warn("certificate_validity", {{"for", entry.name}, {"file", fault->path}, {"problem", fault->what}});
  }
}

const std::vector<proxy::FileValidity>& TlsFiles::validities_of(const Entry& entry) const {
  static const std::vector<proxy::FileValidity> kNone;
  if (!entry.listener) {
    const auto at = contexts_.origins.find(entry.version);
    return at == contexts_.origins.end() ? kNone : at->second->validities();
  }
  const auto& context = contexts_.listeners[entry.place];
  return context == nullptr ? kNone : context->validities();
}

std::vector<CertificateSample> TlsFiles::samples(std::int64_t unix_s) const {
  std::vector<CertificateSample> all;
  for (const Entry& entry : entries_) {
    std::set<std::string> seen;  // one file may be named more than once
    const auto add = [&](const std::string& path, bool ocsp, const proxy::Validity& validity) {
      if (!seen.insert(path).second) return;
      all.push_back({.owner = entry.labels,
                     .file = path,
                     .ocsp = ocsp,
                     .until_s = validity.until_s,
                     .holds = validity.holds(unix_s)});
    };
    for (const proxy::FileValidity& of : validities_of(entry))
      add(of.path, of.file == config::TlsFault::File::kOcsp, of.validity);
    if (!entry.listener) continue;
    for (const config::Certificate& certificate : entry.listener->certificates) {
      if (!certificate.ocsp.empty()) add(certificate.ocsp, true, {.from_s = 0, .until_s = 0});  // left out
    }
  }
  return all;
}

std::vector<std::string> TlsFiles::problems() const {
  std::vector<std::string> lines;
  for (const Entry& entry : entries_) {
    if (!entry.problem.empty()) {
      const char* const effect =
          entry.served ? " does not use all of its files: " : " uses certificates that are no longer in its files: ";
      lines.push_back(entry.name + effect + entry.problem);
    }
    for (std::size_t i = 0; i < entry.paths.size(); ++i) {
      const std::string& lost = entry.losses[i].problem;
      if (lost.empty()) continue;
      lines.push_back(entry.name + " uses what was read from a file that is gone: " + entry.paths[i] + ": " + lost);
    }
    lines.insert(lines.end(), entry.doubts.begin(), entry.doubts.end());
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

std::vector<config::TlsFault> listener_doubts(const config::ListenerTls& settings) {
  std::vector<config::TlsFault> faults;
  const auto context = proxy::TlsServerContext::read(settings, nullptr, faults);
  std::vector<config::TlsFault> doubts = doubts_of(context);
  // The certificate is served without it, as it is when one is renewed before its response.
  if (context == nullptr) return doubts;
  doubts.insert(doubts.end(), context->left_out().begin(), context->left_out().end());
  doubts.insert(doubts.end(), context->doubts().begin(), context->doubts().end());
  return doubts;
}

std::vector<config::TlsFault> origin_doubts(const config::OriginTls& settings) {
  std::vector<config::TlsFault> faults;
  return doubts_of(proxy::TlsClientContext::read(settings, faults));
}

}  // namespace weir::app
