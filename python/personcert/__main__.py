"""`python -m personcert`: the `personcert` command."""

from ._cli import main

main()
