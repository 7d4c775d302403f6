"""Commands as a person types them, run within this process: what they print, or the one sentence of
a refusal."""

from click.testing import CliRunner, Result

from gocnn.commands import main


def cli(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)


def good(*arguments: object, stdin: bytes = b"") -> str:
    result = cli(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.output


def refused(code: int, *arguments: object, stdin: bytes = b"") -> str:
    """The sentence of a refusal: exit code as given, no traceback."""
    result = cli(*arguments, stdin=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    lines = [line for line in result.output.splitlines() if line.lower().startswith("error")]
    assert len(lines) == 1, result.output
    return lines[0]
