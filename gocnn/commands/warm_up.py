"""warm-up: compile everything now."""

import click


@click.command("warm-up")
@click.option("--quiet", is_flag=True, help="Print nothing.")
def command(quiet: bool) -> None:
    """Compile all that playing, importing and training use, once on this machine and version, so
    that nobody waits for it later: a first move is answered at once.

    What is compiled is kept in the cache folder (`GOCNN_CACHE` names another one). Without it each
    command compiles what it needs when it is first used, and says so.
    """
    from gocnn.warm_up import run

    if not quiet:
        click.echo(
            "compiling all that the commands need, once on this machine (two or three minutes) ...",
            err=True,
        )
    run(lambda line: None if quiet else click.echo(line))
