"""A wire between two processes that can be cut without either of them being told."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

from tests.acceptance.server import Server


class ServedAt(Server):
    """The same server under another address."""

    def __init__(self, server: Server, address: tuple[str, int]) -> None:
        super().__init__(server.data_dir)
        self._address = address

    @property
    def agent(self) -> tuple[str, int]:
        return self._address


class Relay:
    """Passes bytes on in both directions, until it is frozen; new connections pass after it is thawed."""

    def __init__(self, to: tuple[str, int]) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: list[socket.socket] = []
        self._frozen: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for one in self._sockets:
            one.close()

    def freeze(self) -> None:
        self._flows.clear()
        self._frozen.update(self._sockets)

    def thaw(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """Ends every connection there is, as both sides are told."""
        for one in self._sockets:
            with suppress(OSError):  # it has ended already
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
                outer = socket.create_connection(self._to)
            except OSError:
                return
            self._sockets += [inner, outer]
            for one, other in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if source in self._frozen:
                    continue
                self._flows.wait()
                sink.sendall(data)
            if source not in self._frozen:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            return
