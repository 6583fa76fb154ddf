"""`python -m cnndsl` is `cnndsl`."""

from cnndsl.cli.main import process

process()
