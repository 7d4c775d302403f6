"""The one exception for what a person can mend: commands print its sentence and exit with 1;
nothing prints a traceback."""

import os


class Note(UserWarning):
    """What a person should know of an input that is taken all the same, in one sentence; commands
    print it on standard error."""


class UserError(Exception):
    """Bad input; the message is one sentence that names the file, game or option and says what to
    do."""


A_MODEL = "give a model file or the folder of a training run"
"""How sentences about models end."""


def no_such_model(path: str | os.PathLike[str]) -> UserError:
    """The sentence for a model, named by a person, that is not there."""
    return UserError(f"{path} does not exist; {A_MODEL}")
