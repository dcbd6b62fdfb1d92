"""What stops a command on this machine."""

from __future__ import annotations


class LocalError(Exception):
    """Something on this machine is not as it must be; the message is one line that says what, and how to mend it."""
