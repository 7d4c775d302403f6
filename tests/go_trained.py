"""Options of `go-train` runs that are over in a moment."""

SIZE = ["--blocks", "1", "--channels", "8"]
BUDGET = [
    "--steps",
    "2",
    "--batch",
    "16",
    "--valid-positions",
    "100",
    "--precision",
    "fp32",
    "--quiet",
]
TRAIN = [*BUDGET, *SIZE]
