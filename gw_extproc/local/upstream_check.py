"""Asks the upstream for its models, as Envoy would reach it, and says what the answer means."""

from __future__ import annotations

import ssl

import httpx2

from gw_extproc.local.findings import Finding, fail, ok, warn
from gw_extproc.local.plan import ca_file
from gw_extproc.local.probes import upstream_problem
from gw_extproc.settings import Settings, Upstream

_TIMEOUT = 5.0
_SUBJECT = "upstream"


async def examine(settings: Settings) -> Finding:
    """One finding about `GET {upstream}/models`, with the key where there is one."""
    upstream = settings.upstream
    if upstream is None:
        return warn(_SUBJECT, f"none named: run uses the demo model, serve assumes {settings.base_path}", "name one with --upstream")
    key = settings.upstream_api_key
    headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    if problem := await upstream_problem(upstream):
        return fail(_SUBJECT, problem, "is the model server running, and are host and port right?")
    trusted = ssl.create_default_context(cafile=ca_file())
    try:
        # trust_env=False: Envoy does not use HTTP_PROXY and the like either
        async with httpx2.AsyncClient(verify=trusted, trust_env=False, timeout=_TIMEOUT) as client:
            response = await client.get(f"{upstream.url}/models", headers=headers)
    except httpx2.HTTPError as error:
        return _unreached(upstream, error)
    return _answered(upstream, response, has_key=key is not None)


def _answered(upstream: Upstream, response: httpx2.Response, *, has_key: bool) -> Finding:
    url = f"{upstream.url}/models"
    match response.status_code:
        case 200:
            return _listed(url, response)
        case 401 | 403 if has_key:
            return fail(_SUBJECT, f"{url} refuses the key ({response.status_code})", "check --upstream-api-key")
        case 401 | 403:
            remedy = "set GW_UPSTREAM_API_KEY, or let every caller send a key"
            return warn(_SUBJECT, f"{url} wants a key ({response.status_code})", remedy)
        case 404:
            remedy = "check the base path; usual ones are /v1, /api/v1, /openai/v1; a few servers list no models"
            return warn(_SUBJECT, f"{url} does not exist (404)", remedy)
        case 429:
            return warn(_SUBJECT, f"{url} wants fewer requests (429)", "look at the account's limits")
        case status:
            remedy = "look at the model server's log" if status >= 500 else "is this the base URL of an OpenAI API?"
            return fail(_SUBJECT, f"{url} answers {status}", remedy)


def _listed(url: str, response: httpx2.Response) -> Finding:
    try:
        names = [str(model["id"]) for model in response.json()["data"]]
    except (ValueError, KeyError, TypeError):
        return warn(_SUBJECT, f"{url} answers 200, but with no list of models", "check the base path")
    example = f", for example {names[0]}" if names else ""
    return ok(_SUBJECT, f"{_count(names)} at {url.removesuffix('/models')}{example}")


def _count(names: list[str]) -> str:
    return f"{len(names)} model{'' if len(names) == 1 else 's'}"


def _unreached(upstream: Upstream, error: httpx2.HTTPError) -> Finding:
    where = f"{upstream.host}:{upstream.port}"
    cause = certificate_error(error)
    if cause is not None:
        remedy = "name the CA's file in SSL_CERT_FILE, or use the name that the certificate is for"
        return fail(_SUBJECT, f"{where}: the certificate is not accepted ({cause.verify_message})", remedy)
    if isinstance(error, httpx2.TimeoutException):
        return fail(_SUBJECT, f"{where} does not answer within {_TIMEOUT:g} s", "is a firewall or a proxy in between?")
    if isinstance(error, httpx2.ConnectError):
        return fail(_SUBJECT, f"{where} does not speak TLS ({error})", "is it http:// rather than https://?")
    return fail(_SUBJECT, f"{where} does not speak HTTP ({error})", "is it https:// rather than http://?")


def certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The certificate error behind an exception, if one is."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None
