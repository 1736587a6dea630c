#include "app/signals.h"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace weir::app {
namespace {

sigset_t handled() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) ::sigaddset(&set, signal);
  return set;
}

Signal meaning(int signal) {
  if (signal == SIGHUP) return Signal::kReload;
  return signal == SIGUSR1 ? Signal::kReopenLogs : Signal::kTerminate;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = handled();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  descriptor_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

Signals::~Signals() {
  if (descriptor_ >= 0) ::close(descriptor_);
  const sigset_t set = handled();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::vector<Signal> Signals::take() {
  std::vector<Signal> out;
  signalfd_siginfo info{};
  while (::read(descriptor_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    out.push_back(meaning(static_cast<int>(info.ssi_signo)));
  }
  return out;
}

bool termination_waits() {
  sigset_t waiting;
  return ::sigpending(&waiting) == 0 &&
         (::sigismember(&waiting, SIGTERM) == 1 || ::sigismember(&waiting, SIGINT) == 1);
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace weir::app
