"""A programmable HTTP/1.1 origin, run as a process of its own by origin.py.

The path says what a request wants (`_PATHS`); any other path gets what was last told on standard input, one JSON object
a line: {"set": {...fields of Behaviour...}}. Each is answered by a line with the counts so far. The
process ends when its standard input does, so that none outlives its test.
"""
from __future__ import annotations

import argparse
import asyncio
import dataclasses
import hashlib
import json
import random
import sys
from typing import AsyncIterator, Awaitable, Callable

_BLOCK = bytes(range(256)) * 1024


@dataclasses.dataclass
class Behaviour:
    status: int = 200
    body: str = "ok"
    delay_ms: float = 0
    fail_share: float = 0  # of the requests, by chance
    fail_status: int = 503
    fail_fields: dict[str, str] = dataclasses.field(default_factory=dict)
    hang: bool = False
    idle_close_s: float | None = None  # between requests
    tokens: int = 0  # more than none: a chat completion, one event each
    first_token_ms: float = 0
    model: str = ""  # that the completion says it is of
    stream_fault: str = ""  # of the share that fails, after half of the tokens: "error", "no_room", "cut"


@dataclasses.dataclass
class Counts:
    connections: int = 0
    open: int = 0
    requests: int = 0
    waiting: int = 0  # requests that are being served now
    aborted: int = 0  # given up by the peer before they had ended
    body_in: int = 0
    body_out: int = 0


class PeerGone(Exception):
    pass


@dataclasses.dataclass
class Request:
    method: str
    target: str
    version: str
    fields: list[tuple[str, str]]
    reader: asyncio.StreamReader
    trailers: list[str] = dataclasses.field(default_factory=list)
    body_ended: bool = False

    def field(self, name: str) -> str:
        return next((value for key, value in self.fields if key.lower() == name), "")


class Origin:
    def __init__(self, name: str, seed: int):
        self.name = name
        self.behaviour = Behaviour()
        self.counts = Counts()
        self._random = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counts.connections += 1
        self.counts.open += 1
        idle_close_s = None  # the first request may take its time
        try:
            while await self._exchange(reader, writer, idle_close_s):
                idle_close_s = self.behaviour.idle_close_s
        except (ConnectionError, PeerGone, asyncio.IncompleteReadError):
            self.counts.aborted += 1
        except asyncio.TimeoutError:
            pass  # idle for long enough
        finally:
            self.counts.open -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                        idle_close_s: float | None) -> bool:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), idle_close_s)
        except asyncio.IncompleteReadError as end:
            if end.partial:
                raise
            return False
        except ConnectionError:
            return False
        request = _parse(head, reader)
        self.counts.requests += 1
        self.counts.waiting += 1
        try:
            first = request.target.partition("?")[0].strip("/").split("/")
            handler = _PATHS.get(first[0], Origin.default)
            return await handler(self, request, writer, first[1:]) and request.field("connection") != "close"
        finally:
            self.counts.waiting -= 1

    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """The request's body in pieces; its trailers are kept in the request."""
        reader = request.reader
        if request.field("transfer-encoding"):
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                async for piece in self._sized(reader, size):
                    yield piece
                await reader.readexactly(2)
            while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
                request.trailers.append(line.decode("latin-1").strip())
        else:
            async for piece in self._sized(reader, int(request.field("content-length") or 0)):
                yield piece
        request.body_ended = True

    async def _sized(self, reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
        while size > 0:
            piece = await reader.read(min(size, len(_BLOCK)))
            if not piece:
                raise PeerGone()
            size -= len(piece)
            self.counts.body_in += len(piece)
            yield piece

    async def drained(self, request: Request) -> int:
        return sum([len(piece) async for piece in self.body(request)])

    async def until_peer_leaves(self, request: Request) -> None:
        while await request.reader.read(len(_BLOCK)):
            pass
        raise PeerGone()

    def head(self, writer: asyncio.StreamWriter, status: int, *lines: str) -> None:
        writer.write(self.head_bytes(status, *lines))

    def head_bytes(self, status: int, *lines: str) -> bytes:
        every = [f"HTTP/1.1 {status} From-{self.name}", f"x-origin: {self.name}", *lines, "", ""]
        return "\r\n".join(every).encode("latin-1")

    def whole(self, writer: asyncio.StreamWriter, request: Request, body: bytes, *lines: str, status: int = 200) -> None:
        head = self.head_bytes(status, f"content-length: {len(body)}", *lines)
        if request.method == "HEAD":
            writer.write(head)
            return
        writer.write(head + body)  # in one piece: what a peer counts as one message should not depend on the kernel's mood
        self.counts.body_out += len(body)

    async def blocks(self, writer: asyncio.StreamWriter, size: int, as_chunks: bool) -> None:
        while size > 0:
            block = _BLOCK[: min(size, len(_BLOCK))]
            writer.write(b"%x\r\n%s\r\n" % (len(block), block) if as_chunks else block)
            await writer.drain()
            size -= len(block)
            self.counts.body_out += len(block)

    async def default(self, request: Request, writer: asyncio.StreamWriter, _: list[str]) -> bool:
        """As `behaviour` says."""
        behaviour = self.behaviour
        await self.drained(request)
        if behaviour.hang:
            await self.until_peer_leaves(request)
        if behaviour.delay_ms:
            await asyncio.sleep(behaviour.delay_ms / 1000)
            if request.reader.at_eof():
                raise PeerGone()
        failing = bool(behaviour.fail_share) and self._random.random() < behaviour.fail_share
        if behaviour.tokens:
            await self.chat(writer, behaviour.stream_fault if failing else "")
        elif failing:
            fields = [f"{name}: {value}" for name, value in behaviour.fail_fields.items()]
            self.whole(writer, request, b"failed", *fields, status=behaviour.fail_status)
        else:
            self.whole(writer, request, behaviour.body.encode(), status=behaviour.status)
        await writer.drain()
        return True

    async def chat(self, writer: asyncio.StreamWriter, fault: str) -> None:
        """A stream of server-sent events as the OpenAI API has it."""
        behaviour = self.behaviour
        events = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}]
        words = behaviour.tokens // 2 if fault else behaviour.tokens
        events += [{"choices": [{"index": 0, "delta": {"content": f"word {i}"}}]} for i in range(words)]
        usage = {"prompt_tokens": 7, "completion_tokens": words, "total_tokens": 7 + words}
        if fault in _STREAM_FAULTS:
            events.append({"error": {"message": "no more", "code": _STREAM_FAULTS[fault]}})
        elif not fault:
            events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": usage}]
        self.head(writer, 200, "content-type: text/event-stream", "transfer-encoding: chunked")
        named = {"model": behaviour.model} if behaviour.model else {}
        texts = [json.dumps({**event, **named}) for event in events] + ([] if fault else ["[DONE]"])
        for i, text in enumerate(texts):
            data = f"data: {text}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.counts.body_out += len(data)
            if i == 0 and behaviour.first_token_ms:
                await writer.drain()
                await asyncio.sleep(behaviour.first_token_ms / 1000)
        writer.write(b"0\r\n\r\n")

    async def echo(self, request: Request, writer: asyncio.StreamWriter, _: list[str]) -> bool:
        """The body as it comes, framed as it came, its trailers too."""
        as_chunks = bool(request.field("transfer-encoding"))
        self.head(writer, 200, "transfer-encoding: chunked" if as_chunks else
                  f"content-length: {request.field('content-length') or 0}")
        async for piece in self.body(request):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if as_chunks else piece)
            await writer.drain()
            self.counts.body_out += len(piece)
        if as_chunks:
            trailers = "".join(f"{line}\r\n" for line in request.trailers)
            writer.write(f"0\r\n{trailers}\r\n".encode("latin-1"))
        return True

    async def sink(self, request: Request, writer: asyncio.StreamWriter, _: list[str]) -> bool:
        """How much came, and its SHA-256."""
        digest, size = hashlib.sha256(), 0
        async for piece in self.body(request):
            digest.update(piece)
            size += len(piece)
        self.whole(writer, request, json.dumps({"bytes": size, "sha256": digest.hexdigest()}).encode())
        return True

    async def inspect(self, request: Request, writer: asyncio.StreamWriter, _: list[str]) -> bool:
        """The request as it came here."""
        size = await self.drained(request)
        seen = {"method": request.method, "target": request.target, "version": request.version,
                "fields": request.fields, "trailers": request.trailers, "bytes": size}
        self.whole(writer, request, json.dumps(seen).encode())
        return True

    async def sized(self, request: Request, writer: asyncio.StreamWriter, path: list[str]) -> bool:
        self.head(writer, 200, f"content-length: {path[0]}")
        if request.method != "HEAD":
            await self.blocks(writer, int(path[0]), as_chunks=False)
        return True

    async def chunked(self, request: Request, writer: asyncio.StreamWriter, path: list[str]) -> bool:
        self.head(writer, 200, "transfer-encoding: chunked")
        if request.method != "HEAD":
            await self.blocks(writer, int(path[0]), as_chunks=True)
            writer.write(b"0\r\nx-sum: 17\r\n\r\n")
        return True

    async def until_close(self, _: Request, writer: asyncio.StreamWriter, path: list[str]) -> bool:
        self.head(writer, 200)
        await self.blocks(writer, int(path[0]), as_chunks=False)
        return False

    async def drip(self, request: Request, writer: asyncio.StreamWriter, path: list[str]) -> bool:
        """/drip/PARTS/MS: so many chunks, so far apart."""
        self.head(writer, 200, "transfer-encoding: chunked")
        for _ in range(int(path[0])):
            writer.write(b"5\r\ndrop\n\r\n")
            await writer.drain()
            self.counts.body_out += 5
            await asyncio.sleep(int(path[1]) / 1000)
            if request.reader.at_eof():
                raise PeerGone()
        writer.write(b"0\r\n\r\n")
        return True

    async def interim(self, request: Request, writer: asyncio.StreamWriter, _: list[str]) -> bool:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n")
        self.whole(writer, request, b"after the hints")
        return True

    async def status(self, request: Request, writer: asyncio.StreamWriter, path: list[str]) -> bool:
        await self.drained(request)
        if path[0] in ("204", "304"):
            self.head(writer, int(path[0]), "etag: \"1\"")
        else:
            self.whole(writer, request, path[0].encode(), status=int(path[0]))
        return True

    async def early(self, request: Request, writer: asyncio.StreamWriter, _: list[str]) -> bool:
        """Answers without reading the body."""
        self.whole(writer, request, b"too much", "connection: close", status=413)
        await writer.drain()
        return False

    async def expect(self, request: Request, writer: asyncio.StreamWriter, _: list[str]) -> bool:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await self.sink(request, writer, [])

    async def close(self, request: Request, writer: asyncio.StreamWriter, _: list[str]) -> bool:
        self.whole(writer, request, b"closing", "connection: close")
        return False

    async def hang(self, request: Request, _: asyncio.StreamWriter, __: list[str]) -> bool:
        await self.until_peer_leaves(request)
        return False

    async def half(self, request: Request, writer: asyncio.StreamWriter, _: list[str]) -> bool:
        """A head, a part of the body, and no more."""
        self.head(writer, 200, "content-length: 1000")
        writer.write(b"x" * 400)
        await self.until_peer_leaves(request)
        return False

    async def unread(self, _: Request, writer: asyncio.StreamWriter, __: list[str]) -> bool:
        """Reads nothing of the body for as long as the peer is there."""
        writer.transport.pause_reading()
        while not writer.is_closing():
            await asyncio.sleep(0.05)
        return False

    async def cut(self, _: Request, writer: asyncio.StreamWriter, path: list[str]) -> bool:
        """/cut/length, /cut/chunked, /cut/head: ends too early."""
        if path[0] == "head":
            writer.write(b"HTTP/1.1 200 OK\r\nx-half: ")
        elif path[0] == "chunked":
            self.head(writer, 200, "transfer-encoding: chunked")
            writer.write(b"5\r\nhello\r\n")
        else:
            self.head(writer, 200, "content-length: 1000")
            writer.write(b"x" * 400)
        await writer.drain()
        return False

    async def garbage(self, _: Request, writer: asyncio.StreamWriter, path: list[str]) -> bool:
        writer.write(_GARBAGE[path[0]])
        await writer.drain()
        return False


_STREAM_FAULTS = {"error": 500, "no_room": 429}

_GARBAGE = {
    "text": b"this is not HTTP\r\n\r\n",
    "two-lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "length-and-chunked": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhello",
    "field": b"HTTP/1.1 200 OK\r\nbad name: 1\r\ncontent-length: 0\r\n\r\n",
    "huge": b"HTTP/1.1 200 OK\r\nx-huge: " + b"h" * 200_000 + b"\r\n\r\n",
    "version": b"HTTP/3.0 200 OK\r\ncontent-length: 0\r\n\r\n",
}

_Handler = Callable[[Origin, Request, asyncio.StreamWriter, list[str]], Awaitable[bool]]
_PATHS: dict[str, _Handler] = {
    "echo": Origin.echo, "sink": Origin.sink, "inspect": Origin.inspect, "bytes": Origin.sized,
    "chunked": Origin.chunked, "until-close": Origin.until_close, "drip": Origin.drip, "interim": Origin.interim,
    "status": Origin.status, "early": Origin.early, "expect": Origin.expect, "close": Origin.close,
    "hang": Origin.hang, "half": Origin.half, "unread": Origin.unread, "cut": Origin.cut, "garbage": Origin.garbage,
}


def _parse(head: bytes, reader: asyncio.StreamReader) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, version = first.split(" ")
    fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Request(method, target, version, fields, reader)


async def _obey(origin: Origin) -> None:
    """Reads orders until standard input ends."""
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        for name, value in json.loads(line).get("set", {}).items():
            setattr(origin.behaviour, name, value)
        print(json.dumps(dataclasses.asdict(origin.counts)), flush=True)


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    origin = Origin(arguments.name, arguments.seed)
    server = await asyncio.start_server(origin.serve, "127.0.0.1", arguments.port, backlog=1024, limit=2**20)
    print(json.dumps({"listening": arguments.port}), flush=True)
    await _obey(origin)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
