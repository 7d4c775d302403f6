"""The commands. Each is a module of its own, imported only when it is called: `--help` must not
wait for torch."""

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import click

from gocnn import __version__, files, libraries
from gocnn.console import heads, streams
from gocnn.console.heads import Head, register
from gocnn.errors import Note, UserError
from gocnn.interrupts import heard

HEAD = Head(
    "go",
    {
        "demo": (
            "gocnn.commands.demo",
            "Train on the samples for a minute each; suggest a move, classify pictures.",
        ),
        "describe": (
            "gocnn.commands.describe",
            "Show a network layer by layer: receptive field, parameters, cost.",
        ),
        "go-analysis": (
            "gocnn.commands.go_analysis",
            "Answer KataGo-style JSON queries, for KaTrain.",
        ),
        "go-eval": (
            "gocnn.commands.go_eval",
            "Measure how well a model predicts the moves of games.",
        ),
        "go-export": ("gocnn.commands.go_export", "Write a trained network as ONNX."),
        "go-gtp": ("gocnn.commands.go_gtp", "Play and analyse through GTP, for board programs."),
        "go-import": ("gocnn.commands.go_import", "Read game records into a store."),
        "go-label": (
            "gocnn.commands.go_label",
            "Label games for training: whose each point is in the end.",
        ),
        "go-match": ("gocnn.commands.go_match", "Let two GTP engines play each other."),
        "go-review": ("gocnn.commands.go_review", "Review games: what was expected at every move."),
        "go-show": ("gocnn.commands.go_show", "Show what a policy network sees of a position."),
        "go-stats": ("gocnn.commands.go_stats", "Show what a store holds."),
        "go-suggest": ("gocnn.commands.go_suggest", "Suggest moves in a position."),
        "go-train": ("gocnn.commands.go_train", "Train a policy network on games."),
        "serve": (
            "gocnn.commands.serve",
            "Open the page in a browser: a board to play and analyse on.",
        ),
        "warm-up": (
            "gocnn.commands.warm_up",
            "Compile everything now, so that nobody waits for it later.",
        ),
    },
    describer="gocnn.policy.describer",
    shipping="gocnn.policy.shipped",
)
register(HEAD)


class LazyGroup(click.Group):
    """A group that imports a command's module when it is wanted, and turns a UserError into one
    sentence and exit code 1, Ctrl-C into one and 130, and prints each Note once."""

    def main(self, args: Sequence[str] | None = None, *arguments: Any, **options: Any) -> Any:
        if args is None and os.name != "nt":  # there click expands the words that it takes itself
            args = sys.argv[1:]
        if args is not None:
            args = [files.at_home(word) for word in args]
        streams.prepare_streams()
        libraries.keep_private()
        libraries.hush()
        try:
            return super().main(args, *arguments, **options)
        except OSError as error:  # of --help and --version too, which are no command
            # the reader (head, less) has gone; there is no one left to tell
            if streams.is_broken_pipe(error):
                streams.abandon()
            else:
                where = f"{error.filename}: " if error.filename is not None else ""
                click.echo(
                    f"Error: {where}{error.strerror or error}; look at the place, its permissions"
                    " and the room on the disk",
                    err=True,
                )
            sys.exit(1)

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(heads.commands())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        found = heads.entry(name)
        if found is None:
            return None
        command: click.Command = importlib.import_module(found[0]).command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and heads.entry(args[0]) is None:
            import difflib

            near = difflib.get_close_matches(args[0], heads.commands(), 1)
            if near:
                context.fail(f"No such command {args[0]!r}. (Did you mean {near[0]}?)")
            for head, why in heads.broken().items():
                context.fail(
                    f"No such command {args[0]!r}. (Those of {head!r} are not there: {why}.)"
                )
        for word in args[1:]:
            files.need_local(word)
        for option, word in pairwise(args):
            if option == "--json" and word.endswith(".json") and not word.startswith("-"):
                context.fail(f"--json takes no file, it prints; to keep that: --json > {word}")
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, line) for name, (_, line) in sorted(heads.commands().items())]
            )

    def invoke(self, context: click.Context) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("always", Note)
            other, said = warnings.showwarning, set()

            def show(message: Warning | str, category: type[Warning], *rest: Any) -> None:
                if not issubclass(category, Note):
                    other(message, category, *rest)
                elif str(message) not in said:
                    said.add(str(message))
                    click.echo(f"note: {message}", err=True)

            warnings.showwarning = show  # type: ignore[assignment]
            return self._invoke(context)

    def _invoke(self, context: click.Context) -> object:
        try:
            with heard():
                return super().invoke(context)
        except UserError as error:
            click.echo(f"Error: {error}", err=True)
            context.exit(1)
        except click.NoSuchOption as error:
            from gocnn.console.meant import refusal

            raise refusal(error) from error
        except (click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            newline = "\n" if sys.stderr.isatty() else ""  # a terminal has shown ^C
            click.echo(
                f"{newline}stopped; nothing is half-written: what was not finished is as it was"
                " before",
                err=True,
            )
            # not the context's, which a command that runs others (demo) would not notice
            raise SystemExit(130) from None
        except (ImportError, OSError) as error:
            package = libraries.package(error, heads.extra_of(context.invoked_subcommand))
            if package is None:
                raise
            click.echo(f"Error: {package}", err=True)
            context.exit(1)
        except RuntimeError as error:
            from gocnn.training.memory import ran_out

            if not ran_out(error):
                raise
            click.echo(
                "Error: the memory of the device is full; end what else uses it, give less at a"
                " time, or choose another --device",
                err=True,
            )
            context.exit(1)
        except MemoryError:
            click.echo(
                "Error: not enough memory; give fewer games, a smaller --batch or a smaller"
                " network",
                err=True,
            )
            context.exit(1)


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    shelves = [shelf for head in heads.heads() if (shelf := head.shelf()) is not None]
    models = ", ".join(name for shelf in shelves for name in shelf.there()) or "none"
    click.echo(f"gocnn, version {__version__}; networks that ship: {models}")
    context.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and the networks that ship, and exit.",
)
def main() -> None:
    """A pooling-free Go policy network from game records, an image classifier, and the blocks and
    the trainer underneath both."""
