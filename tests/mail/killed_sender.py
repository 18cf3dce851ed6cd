"""Workers that send one message of the Outbox each, and kill themselves (SIGKILL) at a point with a name.

``python -m tests.mail.killed_sender`` reads lines of a message's id and a point. Each worker is a process of its own,
forked where everything is imported and nothing is open yet; what is answered is how it ended.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django


def die(*_arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


Fits = Callable[..., bool]


def at(owner: Any, name: str, when: str, fits: Fits = lambda *_args, **_options: True) -> None:
    """Die before or after this function, when it is called with arguments that fit."""
    real = getattr(owner, name)

    def fatal(*args: Any, **options: Any) -> Any:
        hit = fits(*args, **options)
        if hit and when == "before":
            die()
        result = real(*args, **options)
        if hit:
            die()
        return result

    setattr(owner, name, fatal)


def half_a_message() -> None:
    from apps.mail.submission import _Client

    def data(self: Any, octets: bytes, *_rest: object, **_options: object) -> None:
        self._command("DATA")
        self._socket.sendall(octets[: len(octets) // 2])
        die()

    _Client.data = data  # type: ignore[method-assign]


def _points() -> dict[str, Callable[[], None]]:
    from apps.mail import submission
    from apps.mail.services import delivery, folders, letters, sending
    from portal import delegations

    client = submission._Client
    handed = []

    def handing(_row: object, **values: object) -> bool:
        return values.get("state") == "handing"

    def behind_the_dot(*_args: object) -> bool:
        return bool(handed)

    def note_the_dot() -> None:
        real = letters.mark_handed

        def mark(name: str, box: bytes) -> None:
            real(name, box)
            handed.append(name)

        letters.mark_handed = mark

    def answer(when: str) -> None:
        note_the_dot()
        at(client, "_reply", when, behind_the_dot)

    return {
        "before the claim": lambda: at(delivery, "_claim", "before"),
        "after the claim": lambda: at(delivery, "_claim", "after"),
        "secret opened": lambda: at(delegations, "unseal", "after"),
        "octets read": lambda: at(letters, "take_up", "after"),
        "greeted": lambda: at(client, "greet", "after"),
        "signed in": lambda: at(client, "sign_in", "after"),
        "sender named": lambda: at(client, "mail_from", "after"),
        "recipients named": lambda: at(client, "recipients", "after"),
        "half of the message": half_a_message,
        "before the last question": lambda: at(delivery, "_change", "before", handing),
        "after the last question": lambda: at(delivery, "_change", "after", handing),
        "before the dot": lambda: at(letters, "mark_handed", "after"),
        "dot out": lambda: answer("before"),
        "answer read": lambda: answer("after"),
        "answer marked": lambda: at(letters, "mark_taken", "after"),
        "answer written down": lambda: at(delivery, "_taken", "after"),
        "before the copy": lambda: at(folders, "ensure_role", "after"),
        "copy stored": lambda: at(sending, "mark_source", "before"),
        "draft removed": lambda: at(sending, "discard", "after"),
        "before the end": lambda: at(delivery, "finish", "before"),
        "files left": lambda: at(letters, "throw_away", "before"),
    }


#: Their names, in the order in which they are met. With True, the server has the message by then; None: who knows.
POINTS: dict[str, bool | None] = {
    "before the claim": False,
    "after the claim": False,
    "secret opened": False,
    "octets read": False,
    "greeted": False,
    "signed in": False,
    "sender named": False,
    "recipients named": False,
    "half of the message": False,
    "before the last question": False,
    "after the last question": False,
    "before the dot": False,
    "dot out": None,
    "answer read": True,
    "answer marked": True,
    "answer written down": True,
    "before the copy": True,
    "copy stored": True,
    "draft removed": True,
    "before the end": True,
    "files left": True,
}


def main() -> None:
    django.setup()
    from apps.mail.services import delivery

    points = _points()
    assert list(points) == list(POINTS)
    for line in sys.stdin:
        pk, _blank, point = line.rstrip("\n").partition(" ")
        child = os.fork()
        if not child:
            points[point]()
            delivery.deliver(int(pk))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
