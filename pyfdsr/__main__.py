"""``python -m pyfdsr`` is the command ``pyfdsr``."""

import sys

from pyfdsr.cli import main

if __name__ == "__main__":
    sys.exit(main())
