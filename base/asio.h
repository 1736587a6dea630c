// Immutable. Asio's coroutine and executor types, concrete: a type-erased executor costs on every operation.
// Sockets are at home in proxy/net; whoever only awaits or posts includes this.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace weir {

namespace asio = boost::asio;

using IoContext = asio::io_context;
using Executor = IoContext::executor_type;

template <class T = void>
using Awaitable = asio::awaitable<T, Executor>;

using UseAwaitable = asio::use_awaitable_t<Executor>;
inline constexpr UseAwaitable kUseAwaitable{};

}  // namespace weir
