"""Training a policy network: from games and wishes to a run folder."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gocnn.errors import UserError
from gocnn.games.importing import Report
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.policy import KIND, data, growth, recipe
from gocnn.policy.model import load, named
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.samples import Games, choose_positions, positions
from gocnn.policy.source import PositionSource
from gocnn.policy.task import PolicyTask
from gocnn.training import Batch, Identity, Outcome, RunFolder, TrainConfig, Trainer
from gocnn.training.distributed import joined
from gocnn.training.run import open_run
from gocnn.training.schedule import Deadline

VALIDATION_BATCH = 512


@dataclass(frozen=True)
class Wishes:
    """What a person asks of go-train: games, validation games (or the share of the games to hold
    back), the network, how to train, and perhaps the model to begin with."""

    games: tuple[str, ...]
    valid: tuple[str, ...]
    valid_share: float
    valid_positions: int
    game_filter: GameFilter
    network: PolicyConfig
    train: TrainConfig
    begin: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Wishes":
        """The inverse of to_json. Raises UserError if it is not such a description."""
        try:
            parts = dict(values)
            parts["games"], parts["valid"] = tuple(parts["games"]), tuple(parts["valid"])
            parts["game_filter"] = GameFilter(**parts["game_filter"])
            parts["network"] = PolicyConfig.from_json(parts["network"])
            parts["train"] = TrainConfig(**parts["train"])
            return cls(**parts)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise UserError(
                f"run.json does not describe a go-train run of this version ({error}); start a new"
                " run in another folder"
            ) from error


def resumed(
    out: Path, games: tuple[str, ...], valid: tuple[str, ...], changes: dict[str, Any]
) -> Wishes:
    """The wishes of the run in `out`, with other places of the games and other settings (see
    `TrainConfig.changed`) if given. Raises UserError."""
    wishes = Wishes.from_json(RunFolder.read_wishes(out, KIND))
    return replace(
        wishes,
        games=games or wishes.games,
        valid=valid or wishes.valid,
        train=wishes.train.changed(changes),
    )


def train(
    wishes: Wishes,
    out: Path,
    resume: bool,
    device: str,
    jobs: int | None = None,
    max_unpacked: int | None = None,
    quiet: bool = False,
    say: Any = print,
    options: dict[str, Any] | None = None,
    deadline: Deadline | None = None,
    try_compiling: bool = False,
) -> Outcome:
    """Train as wished into the folder `out`; `options` are written into run.json. `deadline`: see
    there. `try_compiling`: nobody asked for torch.compile, so that the run does without where it
    does not work, today and when it is resumed.

    Raises UserError for whatever a person can mend.
    """
    with joined(device) as (processes, place):
        began = time.perf_counter()

        def opened(games: tuple[str, ...]) -> tuple[list[Store], Report | None]:
            return processes.one_by_machine(
                lambda: data.open_stores(games, jobs, max_unpacked, quiet or not processes.first)
            )

        stores, report = opened(wishes.games)
        validating = opened(wishes.valid)[0] if wishes.valid else []
        with processes.together():
            chosen = data.choose(stores, wishes.game_filter, wishes.network.score)
            if wishes.valid:
                held = data.choose(validating, GameFilter())
                training, shared = data.without(chosen, held)
            else:
                (training, held), shared = data.split(chosen, wishes.valid_share), 0
            labels = training.labels()
            nothing = wishes.network.score and not (labels.people or labels.own or resume)
            if nothing:
                wishes = replace(wishes, network=replace(wishes.network, score=False))
            torch.manual_seed(wishes.train.seed)
            model = PolicyNetwork(wishes.network)
            before = RunFolder.read_description(out) if resume else {}
            begun = before.get("begun") if resume else _begin(model, wishes.begin)
            try_compiling = bool(before.get("try_compiling", try_compiling))
            description = {
                "kind": KIND,
                "wishes": wishes.to_json(),
                "data": training.fingerprint(),
                "valid": held.fingerprint(),
                "begun": begun,
            }
            description |= {"labels": asdict(labels)} if wishes.network.score else {}
            if resume:
                _same_data(out, training, held, wishes)
            else:
                description |= {"options": options, "try_compiling": try_compiling}
        processes.must_share(
            training_games=description["data"],
            validation_games=description["valid"],
            labels=description.get("labels"),
            options=(resume, wishes.train.of_the_run(), wishes.network, wishes.valid_positions),
            beginning=begun,
        )
        with processes.together():
            run = open_run(out, resume, description, processes.first)
        if processes.first and not quiet:
            if not resume:
                say(recipe.described(wishes.network, wishes.train))
            if report is not None:
                skipped = f", {sum(report.reasons.values())} skipped" if report.skipped else ""
                say(
                    f"imported {report.games} games in {time.perf_counter() - began:.1f} s{skipped}"
                )
            leak = f" ({shared} validation games left out of training)" if shared else ""
            say(f"training on {_counted(training)}; validating on {len(held.games)} games{leak}")
            if nothing:
                say(
                    "no game says whose the points were at its end: the network does not learn the"
                    " score (labels: cli.py go-import and go-label)"
                )
            elif wishes.network.score:
                say(
                    f"learning the score from {labels.people} games that are labelled, {labels.own}"
                    f" that a network played; judging it on {held.labels().people}"
                )
            if begun and not resume:
                say(f"begun from {begun}")
        source = PositionSource(
            training.games,
            wishes.network.groups,
            wishes.train.batch // wishes.train.accumulate,
            wishes.train.seed,
            processes.rank,
            processes.world,
            future=wishes.network.future,
            outcome=wishes.network.value,
            score=wishes.network.score,
        )
        valid = validation_batches(
            held.games, wishes.network.groups, wishes.valid_positions, score=wishes.network.score
        )
        origin = f"{_counted(training)} ({', '.join(Path(g).name for g in wishes.games)})"
        if wishes.network.score:
            origin += (
                f", {labels.people} of them labelled, and {labels.own} games that a network played"
            )
        if begun:
            origin += f", begun from {begun}"
        identity = Identity(KIND, asdict(wishes.network), origin)
        trainer = Trainer(
            model,
            PolicyTask(wishes.train.label_smoothing),
            source,
            valid,
            wishes.train,
            run,
            identity,
            place,
            processes,
            quiet,
            deadline=deadline,
            try_compiling=try_compiling,
        )
        try:
            return trainer.fit(resume)
        finally:
            run.close()


def _begin(model: PolicyNetwork, path: str | None) -> str | None:
    """Put the weights of the model at `path` (see `named`) into `model`, which may be larger;
    returns what they are, for the record.

    Raises UserError.
    """
    if path is None:
        return None
    given = load(named(path))
    growth.check(given.name, given.config, model.config)
    grown = growth.begin(given.network, model)
    origin = (
        f"{given.name} ({given.provenance.get('samples', 'unknown')} samples;"
        f" {given.provenance.get('data', 'unknown games')})"
    )
    return f"{origin}, {grown}" if grown else origin


def _counted(chosen: data.GameSelection) -> str:
    people = ~chosen.games.own
    return f"{int(people.sum())} games, {int(chosen.games.moves[people].sum())} positions"


def _same_data(
    out: Path, training: data.GameSelection, held: data.GameSelection, wishes: Wishes
) -> None:
    """Raise UserError if the games are not those of the run. There may be more labels than before,
    unless every bit is to be the same."""
    before = RunFolder.read_description(out)
    labels, had = training.labels(), before.get("labels") if wishes.network.score else None
    if isinstance(had, dict) and (labels.people < had["people"] or labels.own < had["own"]):
        raise UserError(
            f"the run in {out} began with {had['people']} labelled games and {had['own']} that a"
            f" network played, here are {labels.people} and {labels.own}; give the games that it"
            " began with, or start a new run"
        )
    if (
        isinstance(had, dict)
        and wishes.train.deterministic
        and labels.fingerprint != had["fingerprint"]
    ):
        raise UserError(
            f"the labels are not those that the run in {out} began with, which is --deterministic;"
            " give the same games, or start a new run"
        )
    for part, name, games in (("training", "data", training), ("validation", "valid", held)):
        if before.get(name, games.fingerprint()) != games.fingerprint():
            raise UserError(
                f"the {part} games are not those that the run in {out} began with; give the same"
                " games, or start a new run"
            )


def validation_batches(
    games: Games, groups: Sequence[str], count: int, seed: int = 0, score: bool = False
) -> list[Batch]:
    """The same `count` positions each time, in batches: planes, moves, outcomes, and with `score`
    owners, as `gocnn.policy.samples.positions` gives them.

    Raises UserError if there is no position.
    """
    if not games.positions:
        raise UserError(
            "no position to validate on: the validation games have no moves; give others with"
            " --valid"
        )
    arrays = [
        torch.from_numpy(a)
        for a in positions(games, groups, *choose_positions(games, count, seed), score=score)
    ]
    return [
        tuple(part)
        for part in zip(*(torch.split(a, VALIDATION_BATCH) for a in arrays), strict=True)
    ]
