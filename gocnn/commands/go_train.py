"""go-train: a policy network from games."""

from pathlib import Path
from typing import Any

import click

from gocnn.commands.options import FILTER_KEYS, filter_options, game_filter, importing
from gocnn.console.grouped import GroupedCommand
from gocnn.console.numbers import FloatRange, IntRange
from gocnn.console.shared_options import count_option
from gocnn.training.cli_options import (
    BUDGET_OPTIONS,
    DEFAULT_MINUTES,
    MACHINE_OPTIONS,
    OPTIMISATION_OPTIONS,
    ComputedDefault,
    keep_models,
    quiet_option,
    resume_option,
    run_folder_option,
    show_outcome,
    take_budget,
    take_find_rate,
    train_config,
    training_options,
    use_threads,
)
from gocnn.training.resuming import asked, resuming

HEADINGS = {
    "Main options": ("out", "minutes", "preset", "begin", "resume"),
    "Data": (
        *("valid", "valid_share", "valid_positions", "own_share"),
        *(*FILTER_KEYS, "max_unpacked", "jobs"),
    ),
    "Network": ("blocks", "channels", "block", "context", "planes", "future", "value", "score"),
    "Optimisation": OPTIMISATION_OPTIONS,
    "Budget": BUDGET_OPTIONS,
    "Machine": MACHINE_OPTIONS,
}


@click.command("go-train", cls=GroupedCommand, headings=HEADINGS)
@click.argument("games", nargs=-1)
@run_folder_option
@click.option(
    "--valid",
    multiple=True,
    metavar="GAMES",
    help="Games to validate on (also several times); without it some of GAMES are held back.",
)
@click.option(
    "--valid-share",
    type=FloatRange(0.001, 0.5),
    default=0.02,
    show_default=True,
    help="Share of GAMES held back for validation.",
)
@count_option("--valid-positions", 100, None, "Positions in each validation.", default=4096)
@click.option(
    "--preset",
    type=click.Choice(["tiny", "small", "base", "large"]),
    help=(
        "Size of the network: tiny 4x32 (blocks x channels; minutes on a CPU), small 6x64 (half an"
        " hour to some hours on a CPU), base 10x128 (a GPU, or a day of a CPU), large 15x192 (a"
        " GPU).  [default: small]"
    ),
)
@click.option(
    "--from",
    "begin",
    metavar="MODEL",
    help=(
        "Begin with the weights of this model (a file, a run's folder, or the name of one that"
        " ships) and with its network; with more --blocks or --channels, or a larger --preset, it"
        " grows and answers the same at first."
    ),
)
@click.option("--blocks", type=IntRange(1, 200), help="Residual blocks, instead of the preset's.")
@click.option("--channels", type=IntRange(1, 2048), help="Channels, instead of the preset's.")
@click.option(
    "--block",
    type=click.Choice(["residual", "preact", "nested", "mobile", "large", "dilated"]),
    help="The kind of block.  [default: preact]",
)
@count_option("--future", 0, 8, "Learn so many later moves too; nothing else sees them.", default=2)
@click.option(
    "--value/--no-value",
    default=True,
    show_default=True,
    help="Learn who wins too, from the results of the games.",
)
@click.option(
    "--score/--no-score",
    default=None,
    help=(
        "Learn whose each point will be, and the score, too, from games whose end is labelled "
        "(go-import, go-label).  [default: where there are such games]"
    ),
)
@click.option(
    "--own-share",
    type=FloatRange(0, 0.9),
    default=0.08,
    show_default=True,
    help=(
        "Share of the samples that are from games that a network played, if there are any (go-label"
        " --own): they teach the score and the winner, no moves."
    ),
)
@click.option(
    "--context",
    type=click.Choice(["none", "se", "bias"]),
    help="What each block knows of the whole board, instead of the preset's.",
)
@click.option(
    "--planes",
    metavar="GROUPS",
    help=(
        "Groups of feature planes, separated by commas (`default`: those shown without this "
        "option); with --from all that its network is shown must be among them."
    ),
)
@training_options(
    batch=ComputedDefault("128 on a CPU, 1024 on a GPU"),
    accumulate=ComputedDefault("parts of 64 on a CPU without --batch, else 1"),
    ema=ComputedDefault("0.999, from an hour on 0.9995"),
    compile=ComputedDefault("with --minutes of ten or more, where there is a compiler"),
)
@resume_option
@quiet_option
@filter_options
@importing
def command(
    *,
    games: tuple[str, ...],
    out: Path,
    resume: bool,
    device: str,
    jobs: int | None,
    max_unpacked: int,
    quiet: bool,
    **options: Any,
) -> None:
    """Train a policy network on GAMES: stores (from go-import), SGF files, folders or archives.

    Without options it trains by the best recipe that is known (docs/experiments.md), and says what
    that is. Raw games are imported once, into a cache. The run folder holds best.safetensors (by
    validation), last.safetensors, metrics.jsonl, curves.png and a checkpoint; Ctrl-C or a kill
    loses little: go on with --resume.
    """
    from gocnn.policy import training
    from gocnn.training.session import Launch

    use_threads(options)
    find_rate, budget = take_find_rate(options, take_budget(options), resume)
    choices = {} if resume else _choose(device, budget, options)
    options |= choices
    asked_for = asked(options)
    if resume:
        config = training.PolicyRunConfig.resumed(
            out, games, options["valid"], resuming(out, budget)
        )
    else:
        if not games:
            raise click.UsageError(
                "name the games to train on: stores, SGF files, folders or archives"
            )
        if options["begin"]:
            keep_models("what it begins with,", [options["begin"]], out)
        config = _run_config(games, budget, options)
    launch = Launch(
        out=out,
        resume=resume,
        device=device,
        jobs=jobs,
        quiet=quiet,
        say=lambda line: click.echo(line, err=True),
        options=asked_for,
        find_rate=find_rate,
        try_compiling="compile" in choices,
    )
    outcome = training.train(config, launch, max_unpacked=max_unpacked)
    show_outcome(outcome, "go-train", out, {"top1": "top-1", "top5": "top-5"})


def _choose(device: str, budget: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What the recipe says of options that are not given."""
    from gocnn.devices import resolve
    from gocnn.policy import recipe

    minutes = budget["minutes"] or (DEFAULT_MINUTES if not any(budget.values()) else None)
    return recipe.chosen(recipe.machine(resolve(device).type), minutes, options)


KEPT = ("valid", "valid_share", "valid_positions", "own_share", "begin")


def _run_config(games: tuple[str, ...], budget: dict[str, Any], options: dict[str, Any]) -> Any:
    from gocnn.policy import training

    chosen, network = game_filter(options), _network(options)
    own = {key: options.pop(key) for key in KEPT}
    return training.PolicyRunConfig(
        games=games, game_filter=chosen, network=network, train=train_config(budget, options), **own
    )


def _network(options: dict[str, Any]) -> Any:
    """The network's configuration, from its options, which it takes out."""
    from dataclasses import replace

    from gocnn.features.planes import UnknownPlanes
    from gocnn.policy import growth, model, network, recipe

    preset, future, value, score = (
        options.pop(name) for name in ("preset", "future", "value", "score")
    )
    if score and not value:
        raise click.UsageError(
            "--score needs --value: who wins follows from both; leave out --no-value or --score"
        )
    heads = {"future": future, "value": value, "score": value if score is None else score}
    wanted = {
        name: options.pop(name) for name in ("blocks", "channels", "block", "context", "planes")
    }
    if options["begin"]:
        policy = model.load(model.named(options["begin"]))
        given = policy.config
        size = network.preset(preset) if preset else given
        config = replace(
            given,
            blocks=wanted["blocks"] or size.blocks,
            channels=wanted["channels"] or size.channels,
            block=wanted["block"] or given.block,
            context=wanted["context"] or given.context,
            **heads,
        )
    else:
        config = replace(
            network.preset(preset or "small", wanted["blocks"], wanted["channels"]),
            plane_groups=recipe.GROUPS,
            **heads,
        )
        config = replace(
            config, **{name: wanted[name] for name in ("context", "block") if wanted[name]}
        )
    if wanted["planes"]:
        plane_groups = _plane_groups(
            wanted["planes"], config.plane_groups, begins=bool(options["begin"])
        )
        try:
            config = replace(config, plane_groups=plane_groups)
        except UnknownPlanes as error:
            raise click.BadParameter(str(error), param_hint="--planes") from error
    if options["begin"]:
        growth.check(policy.name, given, config)
    return config


def _plane_groups(text: str, default: tuple[str, ...], begins: bool) -> tuple[str, ...]:
    """The groups of planes that --planes names, each once; `default` means those. Raises
    click.BadParameter if the run `begins` with a network and one of its groups is not named."""
    names = [name.strip() for name in text.split(",")]
    missing = set(default) - set(names)
    if begins and missing and "default" not in names:
        raise click.BadParameter(
            f"the network of --from is shown {', '.join(sorted(missing))} too; name them",
            param_hint="--planes",
        )
    groups = (group for name in names for group in (default if name == "default" else (name,)))
    return tuple(dict.fromkeys(groups))
