#!/usr/bin/env python3
"""What `make run` calls: prepares everything and runs the portal until Ctrl-C. Needs only the system's Python."""

import sys
from os.path import abspath, dirname

sys.path.insert(0, dirname(dirname(abspath(__file__))))  # noqa: PTH100, PTH120 - an old Python knows no pathlib

from scripts import supported

if supported.complaint("make run"):
    sys.exit(supported.complaint("make run"))

from scripts.launch.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
