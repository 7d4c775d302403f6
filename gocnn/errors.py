"""The one exception for what a person can mend: commands print its sentence and exit with 1;
nothing prints a traceback."""


class UserError(Exception):
    """Bad input; the message is one sentence that names the file, game or option and says what to
    do."""
