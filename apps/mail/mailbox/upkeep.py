"""What a warm connection needs while nobody waits for it."""

from __future__ import annotations

import logging
import time

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap.connection import Connection

log = logging.getLogger(__name__)

CHECK_AFTER = 10.0  # seconds of idleness after which a connection is asked whether it lives
CHECK_TIMEOUT = 3.0  # seconds that it may take to say so: others have been cut by something on the way
#: Seconds after a change until the server may look at its mailbox again. Dovecot reads the folder of a Maildir anew,
#: once, when it changed two whole seconds ago: 150 ms of 100,000 messages, for which else the next request waits.
SETTLED_AFTER = 2.1


def is_alive(connection: Connection) -> bool:
    """Raises ``ServerTimeout``."""
    if time.monotonic() - connection.last_used < CHECK_AFTER:
        return not connection.broken
    error = _asked(connection)
    if isinstance(error, errors.ServerTimeout):
        raise error
    return error is None


def is_unsettled(connection: Connection) -> bool:
    """Something was changed over it, long enough ago, and it has said nothing since."""
    return bool(connection.stirred) and time.monotonic() - connection.stirred >= SETTLED_AFTER


def settle(connection: Connection) -> bool:
    """Let the server look at the mailbox that is open; False where it does not answer. Never raises."""
    connection.stirred = 0.0
    return not isinstance(_asked(connection), errors.ServerTimeout)


def _asked(connection: Connection) -> errors.MailError | None:
    """What was wrong with it, if anything was."""
    try:
        with connection.patience(CHECK_TIMEOUT):
            connection.refresh()
    except errors.MailError as error:
        log.info("an idle connection was dead: %s", error)
        return error
    return None
