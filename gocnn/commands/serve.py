"""`serve`: the page in a browser."""

from pathlib import Path

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8361, show_default=True, help="The port."
)
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A policy network beside the one that ships: a model file or a run; may be repeated.",
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
def command(
    host: str, port: int, models: tuple[Path, ...], image_models: tuple[Path, ...], runs: Path
) -> None:
    """Open the page: play, review, the lecture to touch, photographs, training runs."""
    import uvicorn

    from gocnn.serve.app import create_app
    from gocnn.serve.state import ServeConfig

    config = ServeConfig(models, image_models, runs, host, port)
    uvicorn.run(create_app(config), host=host, port=port, log_level="warning")
