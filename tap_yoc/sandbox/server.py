"""The sandbox as a server in a separate thread."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import uvicorn

from tap_yoc.sandbox.app import create_app
from tap_yoc.sandbox.faults import Fault
from tap_yoc.sandbox.forms import Forms
from tap_yoc.sandbox.request_log import RequestLog
from tap_yoc.sandbox.transport import BreakableProtocol
from tap_yoc.sandbox.world import CREDENTIALS, Options, World, today_in_berlin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

__all__ = ["Fault", "Forms", "RequestLog", "Sandbox"]
START_SECONDS = 15.0
STOP_SECONDS = 5.0


class Sandbox:
    """A local YOC on a loopback port, running during the `with` block.

    `today` is its current day (default: today in Berlin); facts end the day before. The same `seed`, `scale`
    and `today` give the same facts. `gap_days` have no rows at all. `clock` returns seconds since 1970.
    """

    def __init__(  # noqa: PLR0913 - options by name
        self,
        *,
        today: date | None = None,
        seed: int = 7,
        scale: int = 1,
        forms: Forms | None = None,
        gap_days: Sequence[date] = (),
        clock: Callable[[], float] = time.time,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.world = World(
            Options(
                today=today or today_in_berlin(),
                seed=seed,
                scale=scale,
                forms=forms or Forms(),
                gap_days=tuple(gap_days),
                clock=clock,
            )
        )
        self._host = host
        self._port = port
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None

    def __enter__(self) -> Sandbox:  # noqa: PYI034 - `Self` is not in Python 3.10
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Bind the port and start serving; return once the server is ready.

        Raises:
            OSError: The port is taken.
            RuntimeError: The server does not start.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY by this
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            create_app(self.world),
            http=BreakableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,  # answers have a Date by the sandbox's clock
            timeout_keep_alive=30,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._serve, args=(self._server, listener), name="yoc-sandbox", daemon=True
        )
        self._thread.start()
        _ = self.world.facts
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                self.stop()
                raise RuntimeError("The sandbox's server did not start.")
            time.sleep(0.005)

    @staticmethod
    def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
        try:
            server.run(sockets=[listener])
        finally:
            listener.close()

    def stop(self) -> None:
        """Stop serving, if it is running."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_SECONDS / 2)
            if self._thread.is_alive():
                self._server.force_exit = True
                self._thread.join(STOP_SECONDS / 2)
        self._server = self._thread = None

    @property
    def url(self) -> str:
        """Return the URL of both the API and the token endpoint."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def config(self) -> dict[str, Any]:
        """Return a client's settings for this sandbox."""
        return {**CREDENTIALS, "api_url": self.url, "auth_url": self.url}

    @property
    def requests(self) -> list[RequestLog]:
        """Return the newest requests to the API, 10,000 at most, without those to the control endpoints."""
        return self.world.requests.kept()

    def truth(
        self,
        *,
        group_by: Sequence[str],
        data_fields: Sequence[str],
        start: date | None = None,
        end: date | None = None,
        query: object = None,
    ) -> list[dict[str, Any]]:
        """Return all rows of a report in Python's types (date, Decimal, None), regardless of forms and faults.

        Days are inclusive and limited to the days served; rows are sorted by key.

        Raises:
            ApiError: An unknown column or operator.
        """
        return self.world.truth(group_by=group_by, data_fields=data_fields, start=start, end=end, query=query)

    def add_fault(self, fault: str | Fault, **options: Any) -> None:  # noqa: ANN401 - the options of Fault
        """Add a fault: `add_fault("status", status=429, retry_after="1", times=2)`.

        Raises:
            FaultError: An unknown fault or option.
        """
        self.world.faults.add(fault if isinstance(fault, Fault) else Fault.from_dict({"kind": fault, **options}))

    def clear_faults(self) -> None:
        """Drop all pending faults."""
        self.world.faults.clear()

    def expire_access_tokens(self) -> None:
        """Expire all access tokens; refresh tokens stay valid."""
        self.world.tokens.expire_access()

    def reset(self) -> None:
        """Reset day and forms, and drop faults, tokens and requests."""
        self.world.reset()

    @property
    def forms(self) -> Forms:
        """Return the current forms; assign to change them."""
        return self.world.forms

    @forms.setter
    def forms(self, forms: Forms) -> None:
        self.world.forms = forms

    @property
    def today(self) -> date:
        """Return the sandbox's current day; assign to change it."""
        return self.world.today

    @today.setter
    def today(self, today: date) -> None:
        self.world.today = today

    @property
    def clock(self) -> Callable[[], float]:
        """Return the time source of the tokens; assign to replace it."""
        return self.world.tokens.clock

    @clock.setter
    def clock(self, clock: Callable[[], float]) -> None:
        self.world.tokens.clock = clock
