"""What signs requests, as the Singer SDK knows it; which token that is, `api/auth.py` decides."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.authenticators import OAuthAuthenticator

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from tap_yoc.api.auth import TokenManager
    from tap_yoc.settings.parsing import Settings


class YOCAuthenticator(OAuthAuthenticator):
    """The SDK's authenticator on a run's tokens.

    Not the SDK's are the request for a token and its clock: those repeat a lost POST, which may spend a refresh token
    twice, send forms, drop the refresh token, and know no margin.
    """

    def __init__(self, tokens: TokenManager, settings: Settings) -> None:
        """Log in only when the first request needs it."""
        super().__init__(
            auth_endpoint=tokens.endpoint.url, client_id=settings.client_id, client_secret=settings.client_secret
        )
        self._tokens = tokens

    @property
    @override
    def oauth_request_body(self) -> dict[str, str]:
        """What `update_access_token` sends next, as JSON or multipart."""
        return self._tokens.request_body()

    @override
    def is_token_valid(self) -> bool:
        """Say whether the token is the run's newest, and not about to expire."""
        return self._tokens.is_live(self.access_token)

    @override
    def update_access_token(self) -> None:
        """Take the run's token, which is renewed if it has to be.

        Raises:
            YOCError: There is none to be had.
        """
        self.access_token = self._tokens.access_token()
