"""Photographs: finding, decoding and storing them."""
