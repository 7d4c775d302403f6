"""The trainer's speed once it is under way, for the benchmarks beside this file."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.samples import Games
from gocnn.policy.source import PositionSource
from gocnn.policy.task import PolicyTask
from gocnn.policy.training import validation_batches
from gocnn.structs import to_json
from gocnn.training import (
    ModelProvenance,
    RunFolder,
    RunOutput,
    Runtime,
    TaskData,
    TrainConfig,
    Trainer,
)

WARM = {False: 3.0, True: 60.0}
"""Seconds before the trainer is measured, by whether it compiles first."""


def steady(
    config: PolicyConfig,
    source: PositionSource,
    held: Games,
    device: torch.device,
    seconds: float,
    compile: bool,
    **options: Any,
) -> tuple[float, float]:
    """Samples a second of the trainer as go-train runs it (`options`: of TrainConfig), and the
    share of the time that it waited for data (0 to 1).

    Measured between its first report after the warm-up and its last one, `seconds` later: samples
    drawn, moved, optimiser, average of the weights, reports; not the one validation and checkpoint
    at the end, which a run has every few minutes.
    """
    train = TrainConfig(
        minutes=(seconds + WARM[compile]) / 60,
        validations=1,
        report_seconds=2.0,
        compile=compile,
        **options,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "run", False, {})
        valid = validation_batches(held, config.plane_groups, 512)
        Trainer(
            PolicyNetwork(config),
            TaskData(PolicyTask(), source, valid),
            train,
            RunOutput(run, ModelProvenance("go-policy", to_json(config), "")),
            Runtime(device, quiet=True),
        ).fit()
        reports = [
            r for r in run.reports() if r["kind"] == "train" and r["seconds"] >= WARM[compile]
        ]
        run.close()
    if len(reports) < 2:
        raise SystemExit("too short a time to measure in; give more --seconds")
    first, last = reports[0], reports[-1]
    seconds = last["seconds"] - first["seconds"]
    waited = last["share_waited"] * last["seconds"] - first["share_waited"] * first["seconds"]
    return (last["samples"] - first["samples"]) / seconds, waited / seconds
