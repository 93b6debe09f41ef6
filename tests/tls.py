"""TLS of the tests' clients."""

from __future__ import annotations

import ssl


class Socket(ssl.SSLSocket):
    """Closed with the last reference to it.

    When a server dies before it has accepted a data connection, the standard library raises out of `wrap_socket` with
    the socket still open, where nobody can reach it any more.
    """

    def __del__(self) -> None:
        self.close()


def client_context(certificate: str = "") -> ssl.SSLContext:
    """Verifies the server by its certificate file, or takes any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = Socket
    if certificate:
        context.load_verify_locations(certificate)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
