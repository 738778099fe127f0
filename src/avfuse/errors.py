"""What goes wrong by what the user gave, as one line that can be shown as it is."""


class InputError(ValueError):
    """Bad user input: one line saying what was seen and what to do.

    The command line prints the message without a traceback and exits with 2.
    """
