"""The demo's IMAP and SMTP servers, in a thread (`running`, for tests) or as a process (`python -m demo.server`)."""

import argparse
import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from proxyprotocol.reader import ProxyProtocolReader
from pymap.imap import IMAPServer

from demo.content import fill
from demo.database import MailDatabase
from demo.imap import Config, Login
from demo.mailboxes import MailStorage
from demo.smtp import protocol

HOST = "127.0.0.1"
LINE_LIMIT = 1024 * 1024  # octets in one IMAP command line; asyncio's own 64 KiB is less than a long UID set


@dataclass(frozen=True)
class DemoServers:
    imap_port: int
    smtp_port: int
    storage: MailStorage

    @property
    def imap_url(self) -> str:
        return f"imap://{HOST}:{self.imap_port}"

    @property
    def smtp_url(self) -> str:
        return f"smtp://{HOST}:{self.smtp_port}"


def prepare(directory: Path, *, filled: bool = True, now: datetime | None = None) -> MailDatabase:
    """The mailboxes in `directory`, filled with the demo's mail when they are new (dates count back from `now`)."""
    database = MailDatabase(directory / "mail.sqlite3")
    fill(database, now=now or datetime.now(UTC), with_mail=filled)
    return database


def listen(port: int) -> socket.socket:
    """A listening socket on loopback (0: any free port). asyncio turns Nagle off only where the protocol is named."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(128)
    listener.setblocking(False)
    return listener


def hold_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Keep every task alive until it is done.

    pymap starts a task for each connection and lets go of it, and a loop holds its tasks weakly: from Python 3.12 on,
    garbage collection would close connections now and then.
    """
    tasks: set[asyncio.Future[Any]] = set()

    def keep(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Future[Any]:
        task = asyncio.Task(work, loop=loop, **options)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    loop.set_task_factory(keep)


async def serve(
    database: MailDatabase, *, imap: socket.socket, smtp: socket.socket, ready: Callable[[MailStorage], None]
) -> None:
    """Answer on both sockets until cancelled; `ready` is called once both do."""
    storage = MailStorage(database)
    config = Config(storage)
    config.apply_context()
    reader = ProxyProtocolReader(config.proxy_protocol)
    answer = reader.get_callback(IMAPServer(Login(config), config))
    loop = asyncio.get_running_loop()
    hold_tasks(loop)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(await asyncio.start_server(answer, sock=imap, limit=LINE_LIMIT))
        await stack.enter_async_context(await loop.create_server(partial(protocol, storage, loop), sock=smtp))
        ready(storage)
        await asyncio.Event().wait()


@contextmanager
def running(
    directory: Path, *, imap_port: int = 0, smtp_port: int = 0, filled: bool = True, now: datetime | None = None
) -> Iterator[DemoServers]:
    """Both servers in a thread of this process, on free ports unless given."""
    database = prepare(directory, filled=filled, now=now)
    imap, smtp = listen(imap_port), listen(smtp_port)
    ports = imap.getsockname()[1], smtp.getsockname()[1]
    loop = asyncio.new_event_loop()
    storages: list[MailStorage] = []
    started = threading.Event()

    def ready(storage: MailStorage) -> None:
        storages.append(storage)
        started.set()

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        stop.append(lambda: loop.call_soon_threadsafe(task.cancel))
        await serve(database, imap=imap, smtp=smtp, ready=ready)

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(main())
        except asyncio.CancelledError:
            pass
        finally:
            _close(loop)

    stop: list[Callable[[], object]] = []
    thread = threading.Thread(target=run, name="demo-servers", daemon=True)
    thread.start()
    if not started.wait(10):
        raise RuntimeError("the demo servers did not start within 10 seconds")
    try:
        yield DemoServers(imap_port=ports[0], smtp_port=ports[1], storage=storages[0])
    finally:
        stop[0]()
        thread.join(10)
        database.close()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """End the connections that are still open, then the loop."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def _serve_until_signal(database: MailDatabase, *, imap: socket.socket, smtp: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(
        serve(database, imap=imap, smtp=smtp, ready=lambda _: print("demo mail servers ready", flush=True))
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory for the mailboxes")
    parser.add_argument("--imap-port", type=int, required=True)
    parser.add_argument("--smtp-port", type=int, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of its own deprecations there
    imap, smtp = listen(options.imap_port), listen(options.smtp_port)
    database = prepare(options.data)
    asyncio.run(_serve_until_signal(database, imap=imap, smtp=smtp))
    database.close()


if __name__ == "__main__":
    main()
