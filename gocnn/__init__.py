"""A pooling-free Go policy network from game records, and the library of blocks and the trainer
underneath."""

__version__ = "0.1.0"
