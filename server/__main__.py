"""``python -m trackway.server``: the same as ``trackway``."""

from .cli import main

main(prog_name="python -m trackway.server")
