"""Run the command line as `python -m qvar`."""

from qvar.cli import main

main()
