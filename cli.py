#!/usr/bin/env python
"""Go policy network and image classifier on one library of blocks: `python cli.py --help`."""

from gocnn.commands import main

if __name__ == "__main__":
    main()
