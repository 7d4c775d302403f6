"""`python -m gocnn`: the same commands as cli.py."""

from gocnn.commands import main

main(prog_name="gocnn")
