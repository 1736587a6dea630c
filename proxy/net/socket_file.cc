#include "proxy/net/socket_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace weir::proxy {
namespace {

// Whether somebody listens at the socket's file. A queue that is full has somebody behind it.
bool is_served(const SocketAddress& address) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return true;  // not known to be nobody's
  const bool refused = ::connect(probe, address.get(), address.size) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return !refused;
}

// Takes away what a process that has ended without removing its file has left. Says why it must stay.
std::string make_way(const std::string& path, const SocketAddress& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};  // bind() says what is wrong with the way there
  if (!S_ISSOCK(found.st_mode)) return "there is a file that is no socket";
  if (is_served(address)) return std::strerror(EADDRINUSE);
  return ::unlink(path.c_str()) == 0 || errno == ENOENT ? std::string() : std::strerror(errno);
}

}  // namespace

std::shared_ptr<SocketFile> SocketFile::bind(int descriptor, const SocketAddress& address, std::string& error) {
  std::string path(address.path());
  error = make_way(path, address);
  if (!error.empty()) return nullptr;
  struct stat made {};
  // Nobody can connect before listen(), so nobody gets past the narrower mode.
  if (::bind(descriptor, address.get(), address.size) != 0 || ::chmod(path.c_str(), kMode) != 0 ||
      ::lstat(path.c_str(), &made) != 0) {
    error = std::strerror(errno);
    return nullptr;
  }
  return std::make_shared<SocketFile>(std::move(path), made.st_dev, made.st_ino);
}

void SocketFile::remove() {
  if (removed_.exchange(true)) return;
  struct stat found {};
  const bool ours = ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_;
  if (ours) ::unlink(path_.c_str());
}

}  // namespace weir::proxy
