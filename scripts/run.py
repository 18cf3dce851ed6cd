#!/usr/bin/env python3
"""What `make run` calls: prepares everything and runs the portal until Ctrl-C. Needs only the system's Python."""

import sys

OLDEST = (3, 11)

# Old enough in its syntax to tell an old Python what is wrong with it.
if sys.version_info[:2] < OLDEST:
    found = sys.version.split()[0]
    sys.exit("Yurt needs Python 3.11 or newer, this is " + found + ". Cure: make run PYTHON=/path/to/python3.11")

from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.launch.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
