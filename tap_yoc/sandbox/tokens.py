"""Token pairs: strict rotation, token families, expiry by an adjustable clock."""

from __future__ import annotations

import secrets
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_yoc.sandbox.problems import TokenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.sandbox.forms import Forms

USER_UUID = "0b1f6f5e-4a7e-4d0c-9d3f-59c0a7e5c0de"


@dataclass(kw_only=True)
class Family:
    """All pairs that descend from one login."""

    alive: bool = True


@dataclass(kw_only=True)
class _Access:
    family: Family
    expires_at: float


@dataclass(kw_only=True)
class _Refresh:
    family: Family
    used: bool = False


class Tokens:
    """All tokens that the server has issued; thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._access: dict[str, _Access] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._lock = threading.Lock()

    def login(self, forms: Forms) -> dict[str, object]:
        """Return a new pair, the first of its family."""
        with self._lock:
            if forms.login_ends_sessions:
                self._end_all()
            return self._pair(Family(), forms, with_refresh=True)

    def renew(self, refresh_token: str, forms: Forms) -> dict[str, object]:
        """Return the next pair of a family; with strict rotation, a refresh token works once.

        Raises:
            TokenError: 400 `invalid_grant`: the token is unknown, its family is revoked, or it was used before, which
                revokes the family.
        """
        with self._lock:
            refresh = self._refresh.get(refresh_token)
            if refresh is None or not refresh.family.alive:
                raise TokenError(status=400, error="invalid_grant", message="The refresh token is not valid.")
            if refresh.used:
                refresh.family.alive = False
                message = "The refresh token was used before; its whole family is revoked."
                raise TokenError(status=400, error="invalid_grant", message=message)
            refresh.used = forms.rotation == "strict"
            return self._pair(refresh.family, forms, with_refresh=refresh.used)

    def is_live(self, access_token: str) -> bool:
        """Return whether an access token is known, not expired and not revoked."""
        with self._lock:
            access = self._access.get(access_token)
            return access is not None and access.family.alive and self.clock() < access.expires_at

    def expire_access(self) -> None:
        """Expire all access tokens; refresh tokens stay valid."""
        with self._lock:
            self._access.clear()

    def revoke_all(self) -> None:
        """Revoke all access and refresh tokens."""
        with self._lock:
            self._end_all()

    def _end_all(self) -> None:
        for refresh in self._refresh.values():
            refresh.family.alive = False

    def _pair(self, family: Family, forms: Forms, *, with_refresh: bool) -> dict[str, object]:
        access_token = f"yoc-access-{secrets.token_urlsafe(24)}"
        self._access[access_token] = _Access(family=family, expires_at=self.clock() + forms.expires_in)
        answer: dict[str, object] = {"user_uuid": USER_UUID, "jti": str(uuid.uuid4()), "token_type": "Bearer"}
        if forms.expires_in_as != "absent":
            answer["expires_in"] = str(forms.expires_in) if forms.expires_in_as == "text" else forms.expires_in
        answer["access_token"] = access_token
        if with_refresh:
            refresh_token = f"yoc-refresh-{secrets.token_urlsafe(24)}"
            self._refresh[refresh_token] = _Refresh(family=family)
            answer["refresh_token"] = refresh_token
        return answer
