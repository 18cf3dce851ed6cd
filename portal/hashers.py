from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id with the OWASP parameters: 19 MiB, two passes, one lane (about 60 ms)."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
