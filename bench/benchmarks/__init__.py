"""The asv suite: one subject per file."""

import sys
from pathlib import Path

# At the end of the path: the peers come from this tree, pyfdsr from the environment that asv built.
_root = str(Path(__file__).resolve().parents[2])
if _root not in sys.path:
    sys.path.append(_root)
