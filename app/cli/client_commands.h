// Confined to one thread. The subcommands that ask a running weir: they print its answer and say how it went.
#pragma once

#include <string>

#include "app/cli/admin_client.h"
#include "app/cli/invocation.h"
#include "app/cli/terminal.h"

namespace weir::app {

// The path and body that a rollout command posts; "" for verbs that post nothing.
struct CommandCall {
  std::string target;
  std::string body;
};
CommandCall command_call(const Invocation& invocation);

class ClientCommands {
 public:
  ClientCommands(const AdminClient& client, const Terminal& terminal) : client_(client), terminal_(terminal) {}

  // The exit code. Answers go to standard output, errors to standard error with what to do about them.
  int execute(const Invocation& invocation) const;

 private:
  int status(const Invocation& invocation) const;
  int watch(const Invocation& invocation) const;
  int history(const Invocation& invocation) const;
  int health() const;
  int command(const Invocation& invocation) const;
  int failed(const AdminReply& reply) const;

  const AdminClient& client_;
  const Terminal& terminal_;
};

}  // namespace weir::app
