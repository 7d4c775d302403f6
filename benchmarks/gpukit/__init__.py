"""What `benchmarks/gpu.py` does with a CUDA card, a module for each command: `add(parser)`
describes its options, `run(options)` does it."""
