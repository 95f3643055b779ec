"""Many slow clients of one server, in a process of their own.

    python -m tests.hold.slow_clients KIND PORT COUNT [--bytes N] [--interval S] [--size N] [--path P]

KIND is one of

``head``    sends a request's head, ``--bytes`` every ``--interval`` seconds
``body``    sends a whole head and then its body so
``read``    sends a request and reads the response so

It prints ``ready`` when all clients have connected, and after the end of its standard input one line of
JSON: how many clients are still connected, how many the server closed, and the statuses it answered with.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Clients:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.closed = 0
        self.statuses: Counter[int] = Counter()
        self._slots = asyncio.Semaphore(50)

    async def run(self) -> None:
        play = {"head": self._send_head, "body": self._send_body, "read": self._read}[self.options.kind]
        streams = await asyncio.gather(*(self._connect() for _ in range(self.options.count)))
        clients = [asyncio.create_task(self._client(play, stream)) for stream in streams]
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for client in clients:
            client.cancel()
        result = {"connected": len(clients) - self.closed, "closed": self.closed, "statuses": self.statuses}
        print(json.dumps(result), flush=True)

    async def _connect(self) -> Stream:
        sock = socket.socket()
        if self.options.kind == "read":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if self.options.source:
            sock.bind((self.options.source, 0))
        sock.setblocking(False)
        async with self._slots:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.options.port))
        return await asyncio.open_connection(sock=sock, limit=4096)

    async def _client(self, play: Callable[..., Awaitable[None]], stream: Stream) -> None:
        reader, writer = stream
        answer = asyncio.create_task(self._status(reader)) if self.options.kind != "read" else None
        with suppress(OSError):
            await play(reader, writer)
        if answer:
            await answer
        self.closed += 1
        writer.close()

    async def _status(self, reader: asyncio.StreamReader) -> None:
        """Wait for a response. Its body and the end of the connection follow."""
        try:
            line = await reader.readline()
            if line:
                self.statuses[int(line.split()[1])] += 1
            while await reader.read(4096):
                pass
        except OSError:
            pass

    async def _send_head(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._drip(writer, self._head() + b"X-Filler: " + b"x" * 4000)

    async def _send_body(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._head() + b"\r\n")
        await self._drip(writer, b" " * self.options.size)

    async def _drip(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for start in range(0, len(data), self.options.bytes):
            writer.write(data[start : start + self.options.bytes])
            await writer.drain()
            if writer.transport.is_closing():
                return
            await asyncio.sleep(self.options.interval)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._head() + b"\r\n" + self.options.content.encode())
        line = await reader.readline()
        if line:
            self.statuses[int(line.split()[1])] += 1
        while await reader.read(self.options.bytes):
            await asyncio.sleep(self.options.interval)

    def _head(self) -> bytes:
        options = self.options
        lines = [f"{options.verb} {options.path} HTTP/1.1", "Host: localhost"]
        if options.verb != "GET":
            size = len(options.content) or options.size
            lines += ["Content-Type: application/json", f"Content-Length: {size}"]
        return "".join(f"{line}\r\n" for line in lines).encode()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("head", "body", "read"))
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--verb", default="POST")
    parser.add_argument("--path", default="/api/2.0/mlflow/runs/log-batch")
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=1)
    parser.add_argument("--interval", type=float, default=0.1)
    parser.add_argument("--content", default="", help="the whole body, sent with the head")
    parser.add_argument("--source", default="")
    options = parser.parse_args()

    async def run() -> None:
        await Clients(options).run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
