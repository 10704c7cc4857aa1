"""Mutants of requests: the login, the tokens, retries and waits."""

from mutants.mutant import Mutant

REQUESTS = {
    "refresh repeated": Mutant(
        breaks="a refresh whose answer is lost is not sent again",
        file="api/auth.py",
        old="            except RetryableError:\n                return None",
        new="            except RetryableError:\n                raise",
    ),
    "refresh not written ahead": Mutant(
        breaks="that a refresh token is on its way is on disk before it leaves",
        file="api/auth.py",
        old="lambda: self.store.save(pending)",
        new="lambda: None",
    ),
    "refresh taken for sent": Mutant(
        breaks="a refresh of which no byte left costs nothing",
        file="api/auth.py",
        old="            except NotSentError:\n                raise\n",
        new="",
    ),
    "refresh token lost": Mutant(
        breaks="a refresh token stays when the answer holds no new one",
        file="api/token_endpoint.py",
        old="refresh_token if is_header_text(refresh_token) else previous_refresh_token",
        new="refresh_token if is_header_text(refresh_token) else None",
    ),
    "login before refresh": Mutant(
        breaks="a token is renewed by its refresh token first",
        file="api/auth.py",
        old="renewed = self._refresh(held) or self._log_in(",
        new="renewed = self._log_in(",
    ),
    "refused login hammered": Mutant(
        breaks="a refused login is not tried again",
        file="api/auth.py",
        old="                self._refused = self.endpoint.refusal(response)\n"
        "                raise self._refused\n"
        "            return pair",
        new='                raise RetryableError("refused")\n            return pair',
    ),
    "margin": Mutant(
        breaks="no request carries a token whose time is up",
        file="api/token_endpoint.py",
        old="return sent_at + lifetime - min(MARGIN_SECONDS, MARGIN_SHARE * lifetime)",
        new="return sent_at + lifetime",
    ),
    "401": Mutant(
        breaks="a token that is refused is renewed, once",
        file="api/client.py",
        old="        if response.status == UNAUTHORIZED:\n            self._tokens.renew",
        new="        if response is body:\n            self._tokens.renew",
    ),
    "token cache not written": Mutant(
        breaks="the next run has the tokens of this one",
        file="api/token_store.py",
        old="        super().save(pair)\n        pairs = {",
        new="        super().save(pair)\n        return\n        pairs = {",
    ),
    "damaged token cache": Mutant(
        breaks="a damaged token cache costs a login, and no more",
        file="api/token_store.py",
        old="except (ValueError, RecursionError):",
        new="except RecursionError:",
    ),
    "Retry-After": Mutant(
        breaks="nothing is asked again before the server wants it",
        file="api/retry.py",
        old="wait = reason.retry_after or (",
        new="wait = (",
    ),
    "502": Mutant(
        breaks="a fault that may pass is tried again",
        file="api/transport.py",
        old="TOO_MANY_REQUESTS, 500, 502, ",
        new="TOO_MANY_REQUESTS, 500, ",
    ),
    "broken connection": Mutant(
        breaks="a connection that breaks is tried again",
        file="api/retry.py",
        old="            if not is_wanted() or self.limiter.stop.is_set():\n",
        new='            if reason.status is None:\n                raise UnavailableError("broken") from reason\n'
        "            if not is_wanted() or self.limiter.stop.is_set():\n",
    ),
    "retries without end": Mutant(
        breaks="a request is given up after max_wait_minutes",
        file="api/retry.py",
        old="if now + wait - started > self._budget_seconds:",
        new="if now + wait - started < 0:",
    ),
    "secret in the log": Mutant(
        breaks="a token that a server quotes is not shown",
        file="api/auth.py",
        old="            self._transport.redactor.add(pair.access_token)\n",
        new="",
    ),
    "password in the log": Mutant(
        breaks="a password that a server quotes is not shown",
        file="settings/parsing.py",
        old='SECRETS = ("client_secret", "password", "refresh_token")',
        new='SECRETS = ("client_secret", "refresh_token")',
    ),
}
