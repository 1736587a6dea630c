#include "proxy/net/socket_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>
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

// Whose turn it is, among all processes, to put a socket into a folder: between bind() and listen() a socket looks like
// one that nobody serves any more, and another would take it away. A folder that may not be read has no turns.
class Turn {
 public:
  explicit Turn(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    folder_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (folder_ >= 0 && ::flock(folder_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      waits_ = std::chrono::steady_clock::now() >= end;
      if (waits_) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  ~Turn() {
    if (folder_ >= 0) ::close(folder_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  bool has_come() const { return !waits_; }

 private:
  int folder_ = -1;
  bool waits_ = false;
};

// Takes away what a process that has ended without removing its file has left. Says why it must stay.
std::string make_way(const std::string& path, const SocketAddress& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};  // bind() says what is wrong with the way there
  if (!S_ISSOCK(found.st_mode)) return "there is a file that is no socket";
  if (is_served(address)) return std::strerror(EADDRINUSE);
  return ::unlink(path.c_str()) == 0 || errno == ENOENT ? std::string() : std::strerror(errno);
}

}  // namespace

std::shared_ptr<SocketFile> SocketFile::listen(int descriptor, const SocketAddress& address, std::string& error) {
  std::string path(address.path());
  const Turn turn(path);
  error = turn.has_come() ? make_way(path, address) : "another process has locked its folder";
  if (!error.empty()) return nullptr;
  struct stat made {};
  // Nobody can connect before listen(), so nobody gets past the narrower mode.
  if (::bind(descriptor, address.get(), address.size) != 0 || ::chmod(path.c_str(), kMode) != 0 ||
      ::lstat(path.c_str(), &made) != 0) {
    error = std::strerror(errno);
    return nullptr;
  }
  auto file = std::make_shared<SocketFile>(address, made.st_dev, made.st_ino);
  if (::listen(descriptor, kBacklog) == 0) return file;
  error = std::strerror(errno);
  return nullptr;
}

bool SocketFile::lost() const {
  struct stat found {};
  if (removed_) return false;
  if (::lstat(path_.c_str(), &found) != 0) return errno == ENOENT;
  const bool ours = found.st_dev == device_ && found.st_ino == inode_;
  return !ours && !is_served(address_);
}

void SocketFile::remove() {
  if (removed_.exchange(true)) return;
  struct stat found {};
  const bool ours = ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_;
  if (ours) ::unlink(path_.c_str());
}

}  // namespace weir::proxy
