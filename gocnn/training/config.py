"""How a network is trained: one frozen value, which run.json keeps."""

from dataclasses import dataclass, replace
from typing import Any, Literal

Optimiser = Literal["muon", "adamw", "sgd"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
CompileMode = Literal["default", "max-autotune-no-cudagraphs", "reduce-overhead"]
Convolution = Literal["auto", "direct", "winograd"]
Schedule = Literal["cosine", "onecycle", "constant"]

DEFAULT_RATES: dict[str, float] = {"muon": 0.01, "adamw": 0.002, "sgd": 0.1}
"""The highest learning rate of each optimiser, where none is asked for."""

LEAST_RANGE_STEPS = 10
"""Steps of a learning-rate range test below which it finds nothing: its average is of about ten."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Exactly one of steps, epochs and minutes is the budget; the schedule of the
    learning rate runs over it and ends with it.

    Attributes: What is learnt:
        batch: samples a step, over all processes and all parts of a step.
        optimiser: see `gocnn.training.optim`.
        learning_rate: the highest; None: the optimiser's own (`DEFAULT_RATES`). It is used as
            it is, whatever the batch: who doubles the batch may want to raise it.
        momentum: of muon and sgd (there at most 0.9).
        weight_decay: for weights, never for normalisations and biases; independent of the gradient
            for muon and adamw, a 40th of it as an L2 penalty for sgd.
        schedule: how the rate falls after the warm-up: cosine, onecycle, or constant (it stays).
        warmup: the share of the budget (0 to 1; onecycle: 0.3 at least) over which the rate rises.
        clip: the largest norm of the gradient, 0: any.
        label_smoothing: share of each label (0 to 1) that is spread over all classes.
        ema: decay of the averaged weights at each step, 0: no average.
        sam: radius of sharpness-aware minimisation (`gocnn.training.sharpness`), 0: none. Each
            step computes its gradients twice.
        rate_factors: pairs of a prefix and a factor: parameters whose name begins with the prefix
            (the longest that fits) learn at the rate times the factor, as fine-tuning wants. With a
            dot at its end a prefix means a whole part (`gocnn.training.optim.begins`).
        seed: of the weights, the order of samples, and what is random in them.

    Attributes: How it is judged:
        validations: how many, evenly over the budget.
        patience: validations without a better one after which a run ends, 0: it never does.

    Attributes: How it is computed:
        accumulate: parts in which a batch is computed one after the other.
        precision: of the forward pass; auto: as the device is fastest.
        convolution: how 3x3 convolutions are computed on a CPU in fp32 (see
            `gocnn.training.convolution`); auto: by a stopwatch where the budget is ten minutes or
            more, torch's own otherwise.
        channels_last: whether networks lie in memory as the device likes it.
        compile: whether torch.compile is used.
        compile_mode: its mode; reduce-overhead means CUDA graphs.
        pad_planes: see `gocnn.training.padding`.
        sync_norms: whether several processes normalise over the batch of all, as one process would,
            or each over its own part, which spares two exchanges a normalisation; None: as
            `gocnn.training.agreement.sync_norms` finds best.
        deterministic: nothing is decided by a stopwatch, and on CUDA only operations that give the
            same bits each time are used.
        feeders: threads that prepare samples; None: one on a CPU, elsewhere as many as are found to
            be needed.
        threads: threads that compute on the CPU; None: torch's own number, one beside a GPU.
        checkpoint_minutes: time between two checkpoints.
        report_seconds: time between two lines in metrics.jsonl.
        tensorboard: whether the reports go into event files too, in the run's folder
            (`gocnn.training.eventfiles`).

    Raises ValueError for settings that contradict each other.
    """

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    batch: int = 256
    accumulate: int = 1
    optimiser: Optimiser = "muon"
    learning_rate: float | None = None
    momentum: float = 0.95
    weight_decay: float = 0.02
    schedule: Schedule = "cosine"
    warmup: float = 0.03
    clip: float = 2.0
    label_smoothing: float = 0.0
    ema: float = 0.999
    sam: float = 0.0
    precision: Precision = "auto"
    convolution: Convolution = "auto"
    channels_last: bool = True
    compile: bool = False
    compile_mode: CompileMode = "default"
    pad_planes: bool = False
    sync_norms: bool | None = None
    seed: int = 1
    validations: int = 12
    patience: int = 0
    checkpoint_minutes: float = 3.0
    report_seconds: float = 15.0
    feeders: int | None = None
    threads: int | None = None
    rate_factors: tuple[tuple[str, float], ...] = ()
    deterministic: bool = False
    tensorboard: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "rate_factors",
            tuple((str(prefix), float(factor)) for prefix, factor in self.rate_factors),
        )
        budgets = [b for b in (self.steps, self.epochs, self.minutes) if b is not None]
        if len(budgets) != 1 or budgets[0] <= 0:
            raise ValueError("give exactly one budget above zero: steps, epochs or minutes")
        if self.batch < 1 or self.accumulate < 1 or self.batch % self.accumulate:
            raise ValueError("the batch must be a multiple of the accumulation steps")
        # a graph writes its gradients where it always does
        if self.compile and self.compile_mode == "reduce-overhead" and self.accumulate > 1:
            raise ValueError(
                "reduce-overhead keeps the gradients of one part only: leave out --accumulate, or"
                " choose another --compile-mode"
            )
        if self.deterministic and self.minutes is not None:
            raise ValueError(
                "how far a run comes in --minutes depends on the machine: give --deterministic a"
                " budget in --steps or --epochs"
            )

    def budget(self) -> dict[str, float | None]:
        """The budget: steps, epochs and minutes, all but one of them None."""
        return {"steps": self.steps, "epochs": self.epochs, "minutes": self.minutes}

    @property
    def budget_name(self) -> str:
        """What the budget is given in: steps, epochs or minutes."""
        return next(name for name, value in self.budget().items() if value is not None)

    @property
    def highest_rate(self) -> float:
        """The learning rate at the top of the schedule."""
        return self.learning_rate or DEFAULT_RATES[self.optimiser]

    def of_the_run(self) -> "TrainConfig":
        """The same without the settings that may differ between the machines of one run."""
        return replace(self, feeders=None, threads=None, tensorboard=False)

    def changed(self, changes: dict[str, Any]) -> "TrainConfig":
        """A copy with those of `changes` (by the names of the fields) that are not None; one of
        steps, epochs and minutes replaces the budget. Raises ValueError as the constructor does."""
        given = {key: value for key, value in changes.items() if value is not None}
        without: dict[str, Any] = (
            dict.fromkeys(self.budget()) if given.keys() & self.budget().keys() else {}
        )
        return replace(self, **(without | given)) if given else self
