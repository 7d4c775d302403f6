"""Protocols: the Go Text Protocol with the extensions of KataGo, Leela Zero, GNU Go and GoGui, and
KataGo's analysis in JSON."""
