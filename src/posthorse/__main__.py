"""`python -m posthorse` is the command `posthorse`."""

from posthorse.cli import main

main()
