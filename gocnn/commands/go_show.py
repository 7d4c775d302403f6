"""go-show: what the network sees of a position."""

from pathlib import Path

import click

from gocnn.commands.options import position_options
from gocnn.console.numbers import IntRange
from gocnn.console.outputs import Picture, keep_inputs
from gocnn.console.shared_options import of_another


@click.command("go-show")
@click.argument("model", metavar="MODEL")
@position_options
@click.option(
    "--layer",
    type=IntRange(0),
    default=0,
    show_default=True,
    metavar="K",
    help="0: the stem; 1, 2, ...: the residual blocks.",
)
@click.option(
    "--picture", type=Picture(), help="Feature maps of the layer (.png, .jpg, .svg, .pdf)."
)
@click.option("--filters", type=Picture(), help="Filters of the first layer.")
@click.option(
    "--field",
    type=Picture(),
    help="What one answer depends on, and the receptive field, on the board.",
)
@click.option(
    "--point",
    metavar="VERTEX",
    help="The answer that --field is about.  [default: the first choice]",
)
def command(
    *,
    model: str,
    game: str | None,
    at: int | None,
    moves: str,
    layer: int,
    picture: Path | None,
    filters: Path | None,
    field: Path | None,
    point: str | None,
) -> None:
    """Show what the network MODEL (a model file, the folder of a run, or the name of one that
    ships) sees of a position: pictures of feature maps, of the first filters, of what an answer
    depends on. Without a picture, the layers are listed."""
    if at is not None and game is None:
        raise click.UsageError("--at needs a game record")
    of_another("--picture", picture is not None, "layer")
    of_another("--field", field is not None, "point")
    keep_inputs([], picture=picture, filters=filters, field=field)
    import numpy as np

    from gocnn.board import BadVertex
    from gocnn.board.coords import from_gtp, to_gtp
    from gocnn.games import position
    from gocnn.pictures import layers
    from gocnn.policy import explain
    from gocnn.policy.model import load, named
    from gocnn.policy.suggestion import planes_of, recent_moves, suggest

    policy = load(named(model))
    found = position.find_position(game, at, moves)
    for note in found.notes:
        click.echo(f"note: {game}: {note.what} ({note.detail})", err=True)
    known = explain.layers(policy)
    if layer >= len(known):
        raise click.BadParameter(
            f"there is no layer {layer}; the network has 0 to {len(known) - 1}",
            param_hint="--layer",
        )
    try:
        index = (
            from_gtp(point)
            if point
            else int(np.argmax(suggest(policy, found.board, int(found.handicap > 0))))
        )
    except BadVertex as error:
        raise click.BadParameter(str(error), param_hint="--point") from error
    planes = planes_of(
        found.board,
        recent_moves(found.board),
        policy.plane_groups,
        conditioning=int(found.handicap > 0),
    )
    if picture is not None:
        layers.draw_maps(
            explain.feature_maps(policy, planes, layer), found.board, known[layer], picture
        )
        click.echo(f"{picture}: feature maps of {known[layer].name}")
    if filters is not None:
        layers.draw_filters(*explain.first_filters(policy), filters)
        click.echo(f"{filters}: filters of the first layer")
    if field is not None:
        layers.draw_field(
            explain.influence(policy, planes, index), found.board, index, known[-1], field
        )
        click.echo(f"{field}: what the answer at {to_gtp(index)} depends on")
    if picture is None and filters is None and field is None:
        for view in known:
            context = ", and the mean over the board" if view.sees_all else ""
            click.echo(
                f"{view.number:3}  {view.name:10} one value sees"
                f" {view.receptive_field}x{view.receptive_field} points{context}"
            )
