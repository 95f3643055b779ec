"""``python -m trackway.server`` runs the command line, as ``trackway`` does."""

from .cli import main

main(prog_name="python -m trackway.server")
