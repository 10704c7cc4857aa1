"""How the tap treats the server and the secrets: refresh tokens, logins, waits, and what it lets out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulation.server import TOKEN
from tap_yoc.sandbox.world import CREDENTIALS

if TYPE_CHECKING:
    from simulation.expectation import Expectation
    from simulation.morning import Outcome
    from simulation.sent import Sent
    from tap_yoc.sandbox.tokens import Tokens

MOST_LOGINS = 6
"""Of one run: the first, those that replace a session that was ended, and one for a refresh whose answer was lost."""
LOOKED_AT_NO_TOKEN = {404, 405, 406, 410, 415, 422, 429, 503}
"""Statuses with which a server turns a refresh away before it looks at the token."""


@dataclass(kw_only=True)
class Conduct:
    """Judges the requests of one life."""

    _is_expiry_known: bool = False
    """Whether the server told when the token ends that the next run may start with."""
    _sent_refresh_tokens: dict[str, Sent] = field(default_factory=dict)

    def wrong_requests(self, outcome: Outcome, expected: Expectation) -> list[str]:
        """Return what is wrong with the requests of a run, in sentences."""
        found = [f"asked again before Retry-After was over: {what}" for what in outcome.hasty]
        refused = logins = 0
        for sent in outcome.sent:
            if sent.place != TOKEN or sent.became == "not sent":
                continue
            if sent.grant == "password":
                logins += 1
                refused += sent.became in {400, 401, 403}
            if token := sent.refresh_token:
                earlier = self._sent_refresh_tokens.get(token)
                if earlier and not _may_repeat(earlier, expected):
                    found.append(f"a refresh token was sent twice; the first time it became {earlier.became}")
                self._sent_refresh_tokens[token] = sent
        is_calm = expected.is_clean and expected.tells_expiry and outcome.exit_code == 0
        if is_calm and self._is_expiry_known and any(sent.became == 401 for sent in outcome.sent):
            found.append("a request carried a token whose time was up")
        is_renewed = any(sent.place == TOKEN and sent.became == 200 for sent in outcome.sent)
        self._is_expiry_known = is_calm and (is_renewed or self._is_expiry_known)
        runs = 2 if expected.are_two else 1
        if refused > runs or logins > MOST_LOGINS * runs:
            found.append(f"{logins} logins in one run, {refused} of them refused")
        return found


def told_secrets(outcome: Outcome, tokens: Tokens) -> list[str]:
    """Return a sentence if a secret is in what a run wrote."""
    text = "\n".join(outcome.log) + outcome.received.decode("utf-8", "replace")
    secrets = [
        CREDENTIALS["client_secret"],
        CREDENTIALS["password"],
        *list(tokens._access)[-20:],  # noqa: SLF001 - the server's own book
        *list(tokens._refresh)[-20:],  # noqa: SLF001 - likewise
    ]
    spellings = {*secrets, *(json.dumps(secret)[1:-1] for secret in secrets)}
    return ["a secret is in the output"] if any(secret in text for secret in spellings) else []


def _may_repeat(earlier: Sent, expected: Expectation) -> bool:
    if earlier.became in LOOKED_AT_NO_TOKEN:
        return True
    if expected.keeps_refresh_tokens and earlier.became == 200:
        return True
    return not expected.has_password
