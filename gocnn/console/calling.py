"""A command called from Python, with its options as keyword arguments: by the same checks, defaults
and code as from the command line."""

import contextlib
import io
import keyword
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import click

from gocnn import libraries
from gocnn.console.meant import meant
from gocnn.errors import UserError


def call(
    command: click.Command,
    arguments: Sequence[str | os.PathLike[str]],
    options: Mapping[str, Any],
    *,
    silent: bool = False,
) -> None:
    """Run `command`.

    arguments: what stands on its command line without a name. options: the others as they are spelt
    there (`batch=64` is `--batch 64`, `value=False` is `--no-value`, `from_="base"` is `--from
    base`; a list means the option several times, or its parts with commas; None leaves it out, and
    so does False where a value is not needed: `sam=True` is `--sam`). silent: nothing on standard
    output.

    Raises TypeError for an option that the command does not have, UserError for a value that it
    refuses and for whatever else a person can mend, in which options are spelt as keywords (see
    `in_python`), KeyboardInterrupt if it was interrupted.
    """
    words = [os.fspath(one) for one in arguments]
    words = [*command_line(command, options), "--", *words]
    libraries.keep_private()
    try:
        with (
            libraries.named(),
            contextlib.redirect_stdout(io.StringIO()) if silent else contextlib.nullcontext(),
        ):
            command.main(words, prog_name=command.name, standalone_mode=False)
    except click.ClickException as error:
        raise UserError(
            in_python(error.format_message(), command, arguments, options=options)
        ) from error
    except UserError as error:
        raise UserError(in_python(f"{error}", command, arguments, options=options)) from error
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except SystemExit as error:
        if error.code == 130:
            raise KeyboardInterrupt from error
        raise UserError(f"{command.name} ended with code {error.code}") from error


def command_line(command: click.Command, options: Mapping[str, Any]) -> list[str]:
    """The words of a command line that say these options. Raises TypeError for an unknown one."""
    known = {
        name.lstrip("-").replace("-", "_"): each
        for each in command.params
        if isinstance(each, click.Option)
        for name in (each.name or "", *each.opts)
    }
    words: list[str] = []
    for name, value in options.items():
        plain = name.removesuffix("_")  # Python's own words, such as from, cannot name an argument
        if plain not in known:
            near = meant(name, known)
            wanted = f"{near}_" if near and keyword.iskeyword(near) else near
            hint = f"; did you mean {wanted!r}?" if wanted else ""
            raise TypeError(f"{command.name} has no option {name!r}{hint}")
        option = known[plain]
        spelt = next(each for each in option.opts if each.startswith("--"))
        if value is None or (option.multiple and not value):
            continue
        if isinstance(value, bool) and isinstance(option.flag_value, str | float):
            words += [spelt] if value else []  # it may stand alone
            continue
        if option.is_flag:
            if not isinstance(value, bool):
                raise TypeError(f"{name} is True or False, not {value!r}")
            words += [spelt] if value else option.secondary_opts[:1]
        elif option.multiple and isinstance(value, list | tuple):
            words += [f"{spelt}={_word(one)}" for one in value]
        elif isinstance(value, list | tuple):
            words.append(f"{spelt}={','.join(map(_word, value))}")
        else:
            words.append(f"{spelt}={_word(value)}")
    return words


_OPTION = r"(?<![\w-])--([a-z][a-z0-9-]*)(?:[ =]('[^']*'|\"[^\"]*\"|[\w.:]*[\w:]))?"
_ANOTHER = re.compile(r"\b(?:go|img)-[a-z]+ [^;]*--")
_SHIPPED = {"none", "base", "small", "food"}
"""Values that sentences give as examples, beside those of a choice."""


def in_python(
    sentence: str,
    command: click.Command,
    arguments: Sequence[str | os.PathLike[str]] = (),
    *,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """A sentence with the options of `command` as a program gives them: `--batch 64` as `batch=64`,
    `--resume` as `resume=True`, `--learning-rate` as `learning_rate`. What was given itself
    (`arguments`, and values of `options`) stays as it is, and so does a command line, from the
    command's name to the next semicolon."""
    known = [each for each in command.params if isinstance(each, click.Option)]
    given = {_word(one) for one in (*arguments, *_flat(options.values())) if one is not None}
    kept = "|".join(re.escape(one) for one in sorted(given, key=len, reverse=True) if "--" in one)
    pattern = re.compile(f"({kept or '(?!)'})|{_OPTION}")

    def spelt(found: re.Match[str]) -> str:
        _, name, value = found.groups()
        option = next(
            (one for one in known if name and f"--{name}" in (*one.opts, *one.secondary_opts)), None
        )
        if option is None:
            return found[0]
        on = f"--{name}" in option.opts
        plain = (name if on else name.removeprefix("no-")).replace("-", "_")
        plain += "_" if keyword.iskeyword(plain) else ""
        if option.is_flag:
            return f"{plain}={on}{found[0][found.end(2) - found.start() :]}"
        if value is None:
            return plain
        if re.fullmatch(r"\d+(\.\d+)?|[A-Z]+|['\"].*", value):
            return f"{plain}={value}"
        choices = option.type.choices if isinstance(option.type, click.Choice) else ()
        if value in (*choices, *_SHIPPED) or value in given:
            return f'{plain}="{value}"'
        return plain + found[0][found.end(2) - found.start() :]

    clauses = []
    for clause in sentence.split(";"):
        line = _ANOTHER.search(clause)
        end = len(clause) if line is None else line.start()
        clauses.append(pattern.sub(spelt, clause[:end]) + clause[end:])
    return ";".join(clauses)


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        yield from value if isinstance(value, list | tuple) else (value,)


def _word(value: Any) -> str:
    return os.fspath(value) if isinstance(value, str | os.PathLike) else str(value)
