"""Steady traffic of many users over keep-alive connections, run as a process of its own by load.py.

Takes a JSON object (fields of Traffic) as its argument. A line on standard input is answered by a line with the tally so
far; at the end of standard input no new request begins, and the last tally is printed when the last one has ended.
"""
from __future__ import annotations

import asyncio
import collections
import dataclasses
import json
import sys
import time


@dataclasses.dataclass
class Traffic:
    port: int
    rate: float = 300  # requests a second, all connections together
    users: int = 200
    connections: int = 16
    target: str = "/v1/chat"
    method: str = "GET"
    body_bytes: int = 0
    bodies: list[str] = dataclasses.field(default_factory=list)  # JSON, one after the other
    user_header: str = "x-user-id"
    user_prefix: str = "user"
    timeout_s: float = 30
    first_user: int = 0


@dataclasses.dataclass
class Tally:
    begun: int = 0
    answered: int = 0
    # No whole reply: a reset, an early end, a timeout; but refused and stale ones are counted apart.
    broken: int = 0
    refused: int = 0  # nobody listened
    # A reused connection was closed by the peer before it answered anything; the request went out again on a new one.
    stale: int = 0
    errors: list[str] = dataclasses.field(default_factory=list)
    by_status: dict[str, int] = dataclasses.field(default_factory=collections.Counter)
    by_version: dict[str, int] = dataclasses.field(default_factory=collections.Counter)
    # status 500 and above, by version
    failed_by_version: dict[str, int] = dataclasses.field(default_factory=collections.Counter)
    versions_of: dict[str, list[str]] = dataclasses.field(default_factory=dict)  # by user, in the order first met
    latency_ms_max: float = 0


class Stale(Exception):
    pass


class Client:
    """One connection, reopened when it has to be."""

    def __init__(self, traffic: Traffic):
        self._traffic = traffic
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, str]:
        """Returns status and version."""
        reused = self._streams is not None
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._traffic.port)
        reader, writer = self._streams
        try:
            writer.write(request)
            head = await self._head(reader, reused)
            status, version, keeps_open = await self._reply(reader, head)
        except BaseException:
            self.close()
            raise
        if not keeps_open:
            self.close()
        return status, version

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _head(self, reader: asyncio.StreamReader, reused: bool) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            if reused and not end.partial:
                raise Stale() from end
            raise
        except ConnectionResetError as reset:
            if reused:
                raise Stale() from reset
            raise

    async def _reply(self, reader: asyncio.StreamReader, head: bytes) -> tuple[int, str, bool]:
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "transfer-encoding" in fields:
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        else:
            await reader.readexactly(int(fields["content-length"]))
        return int(first.split(" ")[1]), fields.get("x-weir-version", ""), fields.get("connection") != "close"


class Generator:
    def __init__(self, traffic: Traffic):
        self._traffic = traffic
        self.tally = Tally()
        self.stopping = asyncio.Event()
        self._next = 0
        self._started = time.monotonic()

    async def run(self) -> None:
        self._started = time.monotonic()
        await asyncio.gather(*(self._connection() for _ in range(self._traffic.connections)))

    async def _connection(self) -> None:
        client = Client(self._traffic)
        while not self.stopping.is_set():
            number, self._next = self._next, self._next + 1
            wait = self._started + number / self._traffic.rate - time.monotonic()
            if wait > 0:
                try:
                    await asyncio.wait_for(self.stopping.wait(), wait)
                    break
                except asyncio.TimeoutError:
                    pass
            await self._one(client, number)
        client.close()

    async def _one(self, client: Client, number: int) -> None:
        traffic, tally = self._traffic, self.tally
        # A fixed stride visits the users in a scattered order, each equally often.
        user = f"{traffic.user_prefix}-{traffic.first_user + number * 7919 % traffic.users}"
        request = self._request(user, number)
        tally.begun += 1
        began = time.monotonic()
        try:
            try:
                status, version = await asyncio.wait_for(client.ask(request), traffic.timeout_s)
            except Stale:
                tally.stale += 1
                status, version = await asyncio.wait_for(client.ask(request), traffic.timeout_s)
        except ConnectionRefusedError:
            tally.refused += 1
            return
        except (OSError, EOFError, asyncio.TimeoutError, Stale) as error:
            tally.broken += 1
            if len(tally.errors) < 20:
                tally.errors.append(f"{user} after {time.monotonic() - began:.3f} s: {error!r}")
            return
        tally.answered += 1
        tally.latency_ms_max = max(tally.latency_ms_max, 1000 * (time.monotonic() - began))
        tally.by_status[str(status)] += 1
        tally.by_version[version] += 1
        if status >= 500:
            tally.failed_by_version[version] += 1
        met = tally.versions_of.setdefault(user, [])
        if version not in met:
            met.append(version)

    def _request(self, user: str, number: int) -> bytes:
        traffic = self._traffic
        body = b"b" * traffic.body_bytes
        if traffic.bodies:
            body = traffic.bodies[number % len(traffic.bodies)].encode()
        head = f"{traffic.method} {traffic.target} HTTP/1.1\r\nhost: weir.test\r\n"
        if traffic.user_header:
            head += f"{traffic.user_header}: {user}\r\n"
        if traffic.bodies:
            head += "content-type: application/json\r\n"
        if body:
            head += f"content-length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


async def _obey(generator: Generator) -> None:
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while await orders.readline():
        print(json.dumps(vars(generator.tally)), flush=True)
    generator.stopping.set()


async def _main() -> None:
    generator = Generator(Traffic(**json.loads(sys.argv[1])))
    obeying = asyncio.create_task(_obey(generator))
    await generator.run()
    await obeying
    print(json.dumps(vars(generator.tally)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
