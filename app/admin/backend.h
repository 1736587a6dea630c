// Thread-safe. What the admin server asks the weir.
#pragma once

#include <functional>

#include "app/admin/api.h"

namespace weir::app {

class AdminBackend {
 public:
  virtual ~AdminBackend() = default;

  // Answers at once, from what was last published; called on two threads of the server's.
  virtual ApiReply query(const ApiQuery& query) = 0;

  // Hands a command to the control thread. `done` is called there, once, and has returned before the server that asked
  // is destroyed; or it is dropped, whenever.
  virtual void submit(ApiCommand command, std::function<void(ApiReply)> done) = 0;
};

}  // namespace weir::app
