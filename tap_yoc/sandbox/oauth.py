"""The token endpoint: checks clients and grants, and returns token pairs."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from tap_yoc.sandbox.exchange import Reply
from tap_yoc.sandbox.problems import TokenError
from tap_yoc.sandbox.world import CREDENTIALS

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_yoc.sandbox.exchange import Exchange


async def token(exchange: Exchange) -> Reply:
    """Return a token pair.

    Raises:
        TokenError: After RFC 6749; 415 for a body that is neither JSON nor multipart.
    """
    fields = await _fields(exchange)
    exchange.body = fields
    grant = fields.get("grant_type")
    exchange.grant = grant if isinstance(grant, str) else None
    _check_client(exchange.request, fields)
    world = exchange.world
    if grant == "password":
        if not (fields.get("username") and fields.get("password")):
            raise _bad_request("The password grant takes username and password.")
        if (fields["username"], fields["password"]) != (CREDENTIALS["username"], CREDENTIALS["password"]):
            raise TokenError(status=400, error="invalid_grant", message="The username or the password is wrong.")
        answer = world.tokens.login(world.forms)
    elif grant == "refresh_token":
        refresh_token = fields.get("refresh_token")
        if not refresh_token or not isinstance(refresh_token, str):
            raise _bad_request("The refresh grant takes a refresh_token.")
        answer = world.tokens.renew(refresh_token, world.forms)
    elif grant is None:
        raise _bad_request("The grant_type is missing.")
    else:
        raise TokenError(status=400, error="unsupported_grant_type", message="Grants are password and refresh_token.")
    return Reply(content=answer, headers={"Cache-Control": "no-store"})


def _bad_request(message: str) -> TokenError:
    return TokenError(status=400, error="invalid_request", message=message)


async def _fields(exchange: Exchange) -> dict[str, Any]:
    kind = exchange.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            fields = json.loads(exchange.text)
        except ValueError:
            raise _bad_request("The body is not JSON.") from None
        if not isinstance(fields, dict):
            raise _bad_request("The body is not a JSON object.")
        return fields
    if kind == "multipart/form-data":
        try:
            form = await exchange.request.form()
        except Exception as error:
            raise _bad_request("The multipart body cannot be read.") from error
        return {name: value for name, value in form.items() if isinstance(value, str)}
    raise TokenError(
        status=415,
        error="invalid_request",
        message="The body must be application/json or multipart/form-data.",
    )


def _check_client(request: Request, fields: dict[str, Any]) -> None:
    expected = (CREDENTIALS["client_id"], CREDENTIALS["client_secret"])
    given = [(fields.get("client_id"), fields.get("client_secret"))]
    header = request.headers.get("authorization", "")
    if header[:6].lower() == "basic ":
        try:
            text = base64.b64decode(header[6:], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        name, _, secret = text.partition(":")
        # RFC 6749 requires both form-encoded; most clients send them unencoded.
        given += [(name, secret), (unquote_plus(name), unquote_plus(secret))]
    if expected not in given:
        raise TokenError(
            status=401,
            error="invalid_client",
            message="The client's id or secret is missing or wrong.",
            headers={"WWW-Authenticate": 'Basic realm="yoc"'},
        )
