"""What the environment sets for connections: proxies and trusted certificates."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Any

import requests

from tap_yoc.errors import SettingsError

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The first one that is set takes precedence."""
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
"""The file names that OpenSSL expects in a directory of certificates."""


class Environment:
    """Proxies and certificates by URL, looked up once."""

    def __init__(self) -> None:
        """Look nothing up yet."""
        self._known: dict[str, dict[str, Any]] = {}

    def of(self, url: str) -> dict[str, Any]:
        """Return the proxies and certificates for a request.

        Raises:
            SettingsError: The certificates that the environment names cannot be used.
        """
        if url not in self._known:
            found = requests.Session().merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
            if isinstance(found["verify"], str) and url.startswith("https:"):
                self.check_bundle()
            self._known[url] = {**found}
        return self._known[url]

    def proxy_of(self, url: str) -> str | None:
        """Return the proxy for a URL, None if there is none."""
        proxy: str | None = requests.utils.select_proxy(url, self.of(url)["proxies"])
        return proxy

    @staticmethod
    def check_bundle() -> None:
        """Check that the certificates that the environment names can be read.

        Raises:
            SettingsError: They cannot.
        """
        name = next((name for name in _BUNDLES if os.environ.get(name)), None)
        if name and (why := _problem_of(Path(os.environ[name]))):
            raise SettingsError(
                f"{name} points to {os.environ[name]}, which {why}; use a file of certificates in PEM format, or unset "
                f"it."
            )


def _problem_of(bundle: Path) -> str:
    """Return why certificates cannot be read, or an empty text if they can."""
    try:
        if bundle.is_dir():
            has_any = any(_HASHED.fullmatch(inner.name) for inner in bundle.iterdir())
            return "" if has_any else "is a directory of certificates without hashes as names"
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(bundle)
    except FileNotFoundError:
        return "does not exist"
    except ssl.SSLError:
        return "contains no certificate in PEM format"
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or type(error).__name__})"
    return ""
