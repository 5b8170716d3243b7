"""`python -m troc`."""

from troc.cli import main

main()
