"""Whom the gateway trusts when it calls somebody over TLS."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def trusted() -> ssl.SSLContext:
    """For clients: the certificates of this machine, or those that SSL_CERT_FILE and SSL_CERT_DIR name (OpenSSL's words).

    Loaded once, by the first who may call somebody over TLS (a redirect can lead there from plain HTTP): that takes 30 to 60 ms, in
    which an event loop does nothing else, and megabytes.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
