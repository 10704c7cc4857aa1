"""The SDK's authenticator; `api/auth.py` decides which token it uses."""

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
    """The SDK's authenticator, with the tokens of a run.

    It replaces how the SDK requests tokens and checks their expiry: the SDK repeats a lost POST, which may use a
    refresh token twice, sends forms, drops the refresh token, and has no margin before the expiry.
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
        """The body that `update_access_token` sends next, as JSON or multipart."""
        return self._tokens.request_body()

    @override
    def is_token_valid(self) -> bool:
        """Return whether the token is the run's newest, and not about to expire."""
        return self._tokens.is_live(self.access_token)

    @override
    def update_access_token(self) -> None:
        """Take the run's token; renew it if necessary.

        Raises:
            YOCError: YOC issues no token.
        """
        self.access_token = self._tokens.access_token()
