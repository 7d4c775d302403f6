"""Feature planes: what the network is shown of a position."""
