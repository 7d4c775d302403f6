"""What can be wrong with one picture. (What is wrong with a call or a whole collection is a
`gocnn.errors.UserError`.)"""


class BadImage(Exception):
    """A picture that cannot be used; the text says why, in a few words that can be counted ("cut
    short", "empty")."""
