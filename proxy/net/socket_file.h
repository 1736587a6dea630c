// Thread-safe. The file of a Unix socket that is listened on, from its binding to its removal.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>

#include "proxy/net/address.h"

namespace weir::proxy {

class SocketFile {
 public:
  // Who may connect: the owner and the group. What is narrower is the business of the directory that the file lies in.
  static constexpr mode_t kMode = 0660;
  static constexpr int kBacklog = 4096;

  // Binds `descriptor` to the address and listens. A file that another process has left behind is replaced; one that
  // somebody listens at, or that is no socket, is left alone. Of several processes that begin at once one succeeds,
  // each waiting for the others for a second at most. Null: `error` says why.
  static std::shared_ptr<SocketFile> listen(int descriptor, const SocketAddress& address, std::string& error);

  SocketFile(const SocketAddress& address, dev_t device, ino_t inode)
      : address_(address), path_(address.path()), device_(device), inode_(inode) {}
  ~SocketFile() { remove(); }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  // Somebody has taken it away, and put nothing in its place that is served: no new client finds its way anywhere.
  bool lost() const;
  // No new client finds its way from here on. Once; and not when another process has put a file of its own there.
  void remove();

 private:
  SocketAddress address_;
  std::string path_;
  dev_t device_;
  ino_t inode_;
  std::atomic<bool> removed_{false};
};

}  // namespace weir::proxy
