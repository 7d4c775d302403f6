#!/usr/bin/env python
"""Go policy network and image classifier on one library of blocks: `python cli.py --help`."""

from gocnn.commands import main
from gocnn.console.heads import register
from imagecls.commands import HEAD

register(HEAD)

if __name__ == "__main__":
    main()
