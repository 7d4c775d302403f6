"""One optimiser step: what the trainer repeats."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gocnn.training import optim, repeatable, sharpness
from gocnn.training.batches import Batch
from gocnn.training.config import TrainConfig
from gocnn.training.ema import Ema
from gocnn.training.precision import autocast
from gocnn.training.scaling import Scaler
from gocnn.training.task import Guided, Task, advance


class DeviceBatches(Protocol):
    """Hands out batches on the device, as `gocnn.training.batches.Prefetcher` does."""

    def next(self) -> Batch: ...


class Stepper:
    """A model with its optimisers and its average (`ema`, if `config.ema`), and the step that
    changes all of them.

    `number` is how many steps were done; `precision` is what autocast computes in; with fp16 there
    is a `scaler`. `rank` is this process's number among several.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        config: TrainConfig,
        device: torch.device,
        *,
        rank: int = 0,
    ) -> None:
        self.model, self.task, self.config, self.device, self.rank = (
            model,
            task,
            config,
            device,
            rank,
        )
        self.optimisers = optim.build_optimisers(model, config)
        self.ema = Ema(model, config.ema) if config.ema else None
        self.scaler: Scaler | None = None
        self.number = 0
        self._precision: str = ""

    @property
    def precision(self) -> str:
        return self._precision

    @precision.setter
    def precision(self, name: str) -> None:
        self._precision = name
        self.scaler = Scaler(self.device) if name == "fp16" else None

    @property
    def averaged(self) -> nn.Module:
        """The network that is judged and saved: the average of the weights, if there is one."""
        return self.ema.model if self.ema else self.model

    def step(
        self,
        net: nn.Module,
        prefetcher: DeviceBatches,
        rate_factor: float,
        *,
        parts: int | None = None,
        done: float = 0.0,
    ) -> Tensor:
        """One optimiser step of `net`, which is the model or wraps it; returns sums of loss, right
        answers and samples, float32 `(3,)`, on the device. `parts`: in how many parts the batch
        comes, if other than `config.accumulate`; `done`: how far the run is, 0 to 1. Nothing here
        waits for the device."""
        config, parts = self.config, parts or self.config.accumulate
        advance(self.task, done)
        repeatable.seed(self.device, config.seed, self.number, self.rank)
        net.train()
        result = torch.zeros(3, device=self.device)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * rate_factor
        if self.scaler:
            self.scaler.keep(self.model)
        for part in range(parts):
            batch = prefetcher.next()
            lesson: Any = batch
            if isinstance(self.task, Guided):
                with torch.no_grad(), autocast(self.device, self.precision):
                    lesson = self.task.guide(self.averaged, batch, done)
            # gradients are exchanged once, with the last part
            exchange = part == parts - 1
            if config.sam:
                address = config.seed, self.number, self.rank, part
                loss, right = self._learn_uphill(net, lesson, parts, address, exchange=exchange)
            else:
                loss, right = self._learn(net, lesson, parts, exchange=exchange)
            n = len(batch[-1])
            result += torch.stack(
                [
                    loss.detach().float() * n,
                    right.float(),
                    torch.full((), float(n), device=self.device),
                ]
            )
        if self.scaler:
            self.scaler.unscale(self.optimisers)
        if config.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        if self.scaler:
            result = self.scaler.step(self.optimisers, result)
        else:
            for optimiser in self.optimisers:
                optimiser.step()
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.number += 1
        if self.ema:
            self.ema.update(self.model, self.number)
        return result

    def _learn(
        self, net: nn.Module, lesson: Any, parts: int, *, exchange: bool
    ) -> tuple[Tensor, Tensor]:
        """Add the gradients of one of `parts` parts to those that the model has; returns the part's
        mean loss and its number of right answers. `exchange`: whether several processes add up now
        what they have."""
        parallel = (
            net
            if isinstance(net, nn.parallel.DistributedDataParallel)
            else getattr(net, "_orig_mod", None)
        )
        if isinstance(parallel, nn.parallel.DistributedDataParallel):
            parallel.require_backward_grad_sync = exchange
        with autocast(self.device, self.precision):
            loss, right = self.task.loss(net, lesson)
        share = loss / parts
        (self.scaler.scale(share) if self.scaler else share).backward()
        return loss.detach(), right.detach()

    def _learn_uphill(
        self, net: nn.Module, lesson: Any, parts: int, address: tuple[int, ...], *, exchange: bool
    ) -> tuple[Tensor, Tensor]:
        """As `_learn`, but the gradients are those of nearby weights, where the loss is higher
        (`config.sam`); the loss returned is that of the weights as they are. What is random in the
        part follows from its `address`, and so is the same both times."""
        with sharpness.gradients_apart(self.model):
            repeatable.seed(self.device, *address)
            loss, right = self._learn(net, lesson, parts, exchange=False)
            loss, right = loss.clone(), right.clone()  # a CUDA graph would write over them
            before = sharpness.climb(self.model, self.config.sam)
        try:
            repeatable.seed(self.device, *address)
            self._learn(net, lesson, parts, exchange=exchange)
        finally:
            sharpness.descend(before)
        return loss, right
