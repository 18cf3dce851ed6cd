"""Searches for what was meant, in a process of its own: a line of JSON in (the dictionary and a word), one out. It ends
with the process that has started it, when there is nothing more to read."""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

MEMORY = 512 << 20
MOST_DICTIONARIES = 12


def main() -> None:
    from hunspell import Hunspell

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    known: dict[str, Any] = {}
    for line in sys.stdin:
        path, word = json.loads(line)
        if path not in known:
            if len(known) >= MOST_DICTIONARIES:
                known.clear()
            folder, _slash, name = path.rpartition("/")
            known[path] = Hunspell(name, hunspell_data_dir=folder)
        sys.stdout.write(json.dumps(list(known[path].suggest(word))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
