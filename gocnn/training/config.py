"""Everything a training run can be told, in one frozen value that travels with its checkpoints."""

from dataclasses import dataclass, replace
from typing import Any, Literal

Optimiser = Literal["muon", "adamw", "sgd"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
CompileMode = Literal["default", "max-autotune-no-cudagraphs", "reduce-overhead"]
Convolution = Literal["auto", "direct", "winograd"]
Schedule = Literal["cosine", "onecycle", "constant"]


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Exactly one of steps, epochs and minutes is the budget; the schedule runs over
    it and ends with it.

    batch is the global batch, over all processes and accumulation steps. Learning rates are at
    batch 256 for the optimiser (see `gocnn.training.optim`); weight_decay is decoupled and never on
    norms and biases. warmup is the share of the budget (0 to 1) in which the rate rises. ema is the
    decay of the averaged weights, 0 for none. patience ends a run after so many validations without
    a better one (0: never). validations are spread evenly over the budget. rate_factors multiply
    the learning rate of the parameters whose name begins with a prefix (the longest that fits):
    discriminative rates, as fine-tuning wants. sync_norms: whether several processes normalise over
    the batch of all of them, as one process would, or each over its own part, which spares two
    exchanges a normalisation (None: as `gocnn.training.agreement.sync_norms` finds best).
    deterministic: nothing is decided by a stopwatch, and on CUDA only operations that give the same
    bits each time are used. feeders are the threads that prepare samples, None: one on a CPU,
    elsewhere as many as are found to be needed. threads are those that compute on the CPU, None:
    torch's own number, one beside a GPU. pad_planes: see `gocnn.training.padding`. compile_mode:
    torch.compile's, of which reduce-overhead means CUDA graphs. convolution: how 3x3 convolutions
    are computed on a CPU in fp32, see `gocnn.training.convolution`; auto: by a stopwatch where the
    budget is ten minutes or more, torch's own otherwise.
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

    def of_the_run(self) -> "TrainConfig":
        """The same without what a machine may have for itself."""
        return replace(self, feeders=None, threads=None)

    def changed(self, changes: dict[str, Any]) -> "TrainConfig":
        """The same with other settings, where they are not None; one of steps, epochs and minutes
        replaces the budget. Raises ValueError."""
        given = {key: value for key, value in changes.items() if value is not None}
        without: dict[str, Any] = (
            dict.fromkeys(self.budget()) if given.keys() & self.budget().keys() else {}
        )
        return replace(self, **(without | given)) if given else self
