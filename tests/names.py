"""A host name that nobody has, and that costs no question: a resolver which is slow, or invents answers, changes no test."""

UNKNOWN = ".".join(["nowhere" * 8] * 5)
"""Longer than the 255 octets of a name in DNS (RFC 1035, section 2.3.4), so that it is looked for nowhere but on this machine."""
