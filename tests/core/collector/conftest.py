import asyncio
import selectors
from collections.abc import Callable, Mapping


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop that does not wait: when nothing is ready, its clock jumps to the next timer."""

    def __init__(self) -> None:
        self._virtual_s = 1000.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self._virtual_s

    def jump(self, seconds: float) -> None:
        self._virtual_s += seconds


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTime) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self._loop.jump(timeout)
        return ready


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualTime}
