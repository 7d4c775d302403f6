"""`serve`: the page in a browser."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gocnn.console.numbers import IntRange
from gocnn.errors import UserError

if TYPE_CHECKING:
    from gocnn.shipping import Shelf


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; other machines need the token in the link then.",
)
@click.option(
    "--port",
    type=IntRange(0, 65535),
    default=8361,
    show_default=True,
    metavar="N",
    help="The port; 0 is any that is free.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Path(path_type=Path),
    help=(
        "The policy network to begin with: a model file, a run, or the name of one that ships; may"
        " be repeated."
    ),
)
@click.option(
    "--image-model",
    "image_models",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A classifier: a model file or a run; may be repeated.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="The folder whose training runs are shown.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
def command(
    *,
    host: str,
    port: int,
    models: tuple[Path, ...],
    image_models: tuple[Path, ...],
    runs: Path,
    opens: bool,
) -> None:
    """Open the page in a browser: a board to play and analyse on.

    It answers this machine only, unless --host says otherwise. Ctrl-C ends it.
    """
    from gocnn import page
    from gocnn.console import heads
    from gocnn.policy import shipped
    from gocnn.serve import browser, guard, server
    from gocnn.serve.app import create_app
    from gocnn.serve.config import ServeConfig

    models = _found("--model", models, shipped.shelf())
    images = heads.head("images")
    shelf = None if images is None else images.shelf()
    if shelf is not None:
        image_models = _found("--image-model", image_models, shelf)
    shipped.find()  # what the environment names is there
    page.asset("index.html")
    if page.is_stale():
        click.echo("The page is older than its sources; run `make page`.", err=True)
    _check(models)
    with server.listen(host, port) as listener:
        token = None if guard.is_loopback(host) else guard.new_token()
        bound = listener.getsockname()[1]
        config = ServeConfig(models, image_models, runs, host, bound, token)
        link = server.link(listener, token)

        def ready() -> None:
            click.echo(f"{link}  (Ctrl-C ends it)")
            if opens and not browser.show(link):
                click.echo(
                    "There is no browser here that --open could open; open the link in one.",
                    err=True,
                )

        running = server.Server(create_app(config), ready)
        running.run([listener])
    if running.ended_by is not None:
        server.leave(running.ended_by)


def _found(option: str, models: tuple[Path, ...], shelf: "Shelf") -> tuple[Path, ...]:
    """The files and folders that these name. Raises UserError for one that is not there."""
    found = tuple(shelf.find(model) for model in models)
    for path in found:
        if not path.exists():
            raise UserError(f"{option} {shelf.missing(path)}")
    return found


def _check(models: tuple[Path, ...]) -> None:
    """Raises UserError for a policy network that cannot be used, where that is known at once: a
    file that torch has to open is opened behind the page."""
    for path in models:
        if path.suffix == ".onnx":
            from gocnn.policy.runtime import OnnxPolicy

            OnnxPolicy(path)
        elif path.is_file() and path.suffix != ".safetensors":
            raise UserError(f"--model {path} is no network; give a model file or a training run")
