#!/usr/bin/env python3
"""What `make test` begins with: scripts/environment.py DIRECTORY makes its environment (scripts/development.py)."""

import sys
from os.path import abspath, dirname

sys.path.insert(0, dirname(dirname(abspath(__file__))))  # noqa: PTH100, PTH120 - an old Python knows no pathlib

from scripts import supported

if supported.complaint("make test"):
    sys.exit(supported.complaint("make test"))

from scripts.development import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
