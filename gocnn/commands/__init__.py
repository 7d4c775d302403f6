"""The commands. Each is a module of its own, imported only when it is called: `--help` must not
wait for torch."""

import importlib
from typing import Any

import click

from gocnn import __version__, libraries
from gocnn.console import heads, streams
from gocnn.console.heads import Head, register
from gocnn.errors import UserError

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
    },
    describer="gocnn.policy.describer",
)
register(HEAD)


class LazyGroup(click.Group):
    """A group that imports a command's module when it is wanted, and turns a UserError into one
    sentence and exit code 1."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        streams.settle()
        libraries.keep_private()
        libraries.hush()
        return super().main(*arguments, **options)

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
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, line) for name, (_, line) in sorted(heads.commands().items())]
            )

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            context.exit(1)
        except OSError as error:
            # the reader (head, less) has gone; there is no one left to tell
            if streams.is_broken_pipe(error):
                streams.abandon()
            else:
                place = f"{error.filename}: " if error.filename is not None else ""
                click.echo(
                    f"error: {place}{error.strerror or error}; look at the place, its permissions"
                    " and the room on the disk",
                    err=True,
                )
            context.exit(1)
        except (click.exceptions.Exit, click.Abort):
            raise
        except ImportError as error:
            package = libraries.package(error)
            if package is None:
                raise
            click.echo(f"error: {package}", err=True)
            context.exit(1)
        except RuntimeError as error:
            from gocnn.training.memory import ran_out

            if not ran_out(error):
                raise
            click.echo(
                "error: the memory of the device is full; end what else uses it, give less at a"
                " time, or choose another --device",
                err=True,
            )
            context.exit(1)
        except MemoryError:
            click.echo(
                "error: not enough memory; give fewer games, a smaller --batch or a smaller"
                " network",
                err=True,
            )
            context.exit(1)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="gocnn")
def main() -> None:
    """A pooling-free Go policy network from game records, an image classifier, and the blocks and
    the trainer underneath both."""
