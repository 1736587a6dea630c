#include "base/patient_write.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>

namespace weir {
namespace {

bool is_file(int descriptor) {
  struct stat info {};
  return ::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
}

// A broken pipe is ready, too: the write says so.
bool ready(int descriptor, SteadyTime deadline) {
  using std::chrono::milliseconds;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd event{descriptor, POLLOUT, 0};
    const int count = ::poll(&event, 1, static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, INT_MAX)));
    if (count >= 0 || errno != EINTR) return count > 0;
  }
}

}  // namespace

Written write_until(int descriptor, std::string_view bytes, SteadyTime deadline) {
  Written written;
  const bool file = is_file(descriptor);
  while (written.bytes < bytes.size()) {
    const std::string_view rest = bytes.substr(written.bytes);
    if (!file && !ready(descriptor, deadline)) return {written.bytes, EAGAIN};
    // A pipe that is ready has room for so much (pipe(7)).
    const ssize_t size =
        ::write(descriptor, rest.data(), file ? rest.size() : std::min<std::size_t>(rest.size(), PIPE_BUF));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return {written.bytes, errno};
    written.bytes += static_cast<std::size_t>(size);
  }
  return written;
}

}  // namespace weir
