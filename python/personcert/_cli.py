"""The `personcert` command."""

import signal
import sys

from . import _native


def main() -> None:
    """Run the command line and exit with its code."""
    # Python's own handler would only record Ctrl-C and wait for the command to return.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_native.main(sys.argv))
