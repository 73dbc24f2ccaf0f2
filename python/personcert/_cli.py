"""The `personcert` command."""

import signal
import sys

from . import _native


def main() -> None:
    """Run the command line and leave with its exit code."""
    # Python's own handler would only note Ctrl-C and wait for the command to return.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_native.main(sys.argv))
