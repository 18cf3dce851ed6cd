"""An OpenID provider on this machine, strict where a real one is: exact redirect addresses, PKCE, codes that are good
once, refresh tokens that rotate and whose second use ends the grant. It breaks the rules a test tells it to break."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote_plus, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT, SECRET = "yurt", "the site's secret: +/=%"
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_EC = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)  # of nobody's list


@dataclass
class Grant:
    """Of one sign-in."""

    subject: str
    login: str
    claims: dict[str, Any]
    nonce: str = ""
    challenge: str = ""
    redirect_uri: str = ""
    over: bool = False
    spent: set[str] = field(default_factory=set)  # refresh tokens that were used


@dataclass
class Provider:
    """``change`` may change the claims of the ID token, ``sign`` signs them; ``broken`` maps a path to what answers it
    instead: (status, headers, octets) or a function of the request handler."""

    port: int = 0
    lifetime: int = 300
    rotates: bool = True
    gives_refresh: bool = True
    has_logout: bool = True
    tells_issuer: bool = True
    delay: float = 0.0  # seconds for which the token endpoint thinks
    people: dict[str, dict[str, Any]] = field(default_factory=dict)  # more claims, by login
    change: Callable[[dict[str, Any]], object] = lambda claims: None
    sign: Callable[[dict[str, Any]], str] | None = None
    described: dict[str, Any] = field(default_factory=dict)  # instead of what it would say of itself
    broken: dict[str, Any] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)  # "GET /path" of each request
    renewals: int = 0
    codes: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, tuple[Grant, float]] = field(default_factory=dict)  # access tokens, until when
    refreshes: dict[str, Grant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/realms/staff"

    @property
    def settings(self) -> dict[str, str]:
        return {"OIDC_ISSUER": self.issuer, "OIDC_CLIENT_ID": CLIENT, "OIDC_CLIENT_SECRET": SECRET, "OIDC_NAME": "Hall"}

    def end_all(self) -> None:
        """Everybody is gone from here."""
        for grant in [*self.refreshes.values(), *(grant for grant, _until in self.tokens.values())]:
            grant.over = True

    def take_back(self) -> None:
        """Access tokens are good no more; what renews them still is."""
        self.tokens = {token: (grant, 0.0) for token, (grant, _until) in self.tokens.items()}

    # what a browser does

    def visit(self, there: str, login: str) -> str:
        """Follow the way there as somebody who signs in; returns the address that the browser is sent back to."""
        return _location(f"{there}&who={quote(login)}")

    # answers

    def describe(self) -> dict[str, Any]:
        base = self.issuer
        said: dict[str, Any] = {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "userinfo_endpoint": f"{base}/userinfo",
            "jwks_uri": f"{base}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": self.tells_issuer,
        }
        if self.has_logout:
            said["end_session_endpoint"] = f"{base}/logout"
        return said | self.described

    def keys(self) -> dict[str, Any]:
        found = []
        for kid, key, kind in (("r1", _RSA, jwt.algorithms.RSAAlgorithm), ("e1", _EC, jwt.algorithms.ECAlgorithm)):
            found.append(json.loads(kind.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"})  # type: ignore[arg-type]
        return {"keys": found}

    def authorize(self, asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if asked.get("client_id") != CLIENT or "/auth/oauth/back/" not in asked.get("redirect_uri", ""):
            return 400, {}, b"no such client or address"
        wanted = asked.get("response_type") == "code" and asked.get("code_challenge_method") == "S256"
        if not wanted or "openid" not in asked.get("scope", "").split() or not asked.get("code_challenge"):
            return self._back(asked, error="invalid_request")
        who = asked.get("who", "")
        if not who:
            return 200, {"Content-Type": "text/html; charset=utf-8"}, _sign_in_page(asked)
        if who == "nobody":
            return self._back(asked, error="access_denied")
        claims: dict[str, Any] = {
            "preferred_username": who,
            "name": f"{who.title()} Nomad",
            "email": f"{who}@example.test",
        }
        claims |= {"email_verified": True, **self.people.get(who, {})}
        subject = str(claims.pop("sub", f"subject-of-{who}"))
        code = secrets.token_urlsafe(24)
        self.codes[code] = Grant(
            subject, who, claims, asked.get("nonce", ""), asked["code_challenge"], asked["redirect_uri"]
        )
        return self._back(asked, code=code)

    def _back(self, asked: dict[str, str], **said: str) -> tuple[int, dict[str, str], bytes]:
        values = {**said, "state": asked.get("state", "")} | ({"iss": self.issuer} if self.tells_issuer else {})
        return 302, {"Location": f"{asked['redirect_uri']}?{urlencode(values)}"}, b""

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote_plus(pair[0]), unquote_plus(pair[2])) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        time.sleep(self.delay)
        with self._lock:
            if form.get("grant_type") == "refresh_token":
                return self._renew(form.get("refresh_token", ""))
            grant = self.codes.pop(form.get("code", ""), None)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
            if (
                grant is None
                or form.get("redirect_uri") != grant.redirect_uri
                or challenge.rstrip(b"=").decode() != grant.challenge
            ):
                return 400, {"error": "invalid_grant"}
            return 200, self._tokens(grant) | {"id_token": self._id_token(grant)}

    def _renew(self, refresh: str) -> tuple[int, dict[str, Any]]:
        self.renewals += 1
        grant = self.refreshes.get(refresh)
        if grant is None or grant.over:
            return 400, {"error": "invalid_grant"}
        if self.rotates and refresh in grant.spent:  # stolen, or spent twice: RFC 9700 section 4.14.2
            grant.over = True
            return 400, {"error": "invalid_grant"}
        grant.spent.add(refresh)
        return 200, self._tokens(grant, refresh)

    def _tokens(self, grant: Grant, before: str = "") -> dict[str, Any]:
        token = f"at-Zq7Kestrel-{secrets.token_urlsafe(24)}"
        self.tokens[token] = (grant, time.time() + self.lifetime)
        given: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        if self.gives_refresh and (self.rotates or not before):
            refresh = f"rt-Zq7Merlin-{secrets.token_urlsafe(24)}"
            self.refreshes[refresh] = grant
            given["refresh_token"] = refresh
        return given

    def _id_token(self, grant: Grant) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self.issuer, "sub": grant.subject, "aud": CLIENT, "iat": now, "exp": now + 300}
        claims |= {"nonce": grant.nonce, **grant.claims}
        self.change(claims)
        return (self.sign or signed)(claims)

    def about(self, token: str) -> tuple[int, dict[str, Any]]:
        grant, until = self.tokens.get(token, (None, 0.0))
        if grant is None or until < time.time():
            return 401, {}
        return 200, {"sub": grant.subject, "roles": ["staff"], "mailbox": grant.login}

    def introspect(self, token: str) -> dict[str, Any]:
        """RFC 7662, for mail servers."""
        grant, until = self.tokens.get(token, (None, 0.0))
        if grant is None or grant.over or until < time.time():
            return {"active": False}
        return {"active": True, "username": grant.login, "scope": "openid", "client_id": CLIENT}


def signed(claims: dict[str, Any], *, key: Any = _RSA, algorithm: str = "RS256", kid: str | None = "r1") -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


def signed_by_curve(claims: dict[str, Any]) -> str:
    return signed(claims, key=_EC, algorithm="ES256", kid="e1")


def public_key_text() -> str:
    """Everybody knows it, so as a shared secret it is worth nothing."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return _RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _sign_in_page(asked: dict[str, str]) -> bytes:
    fields = "".join(f'<input type="hidden" name="{name}" value="{html.escape(v)}">' for name, v in asked.items())
    form = f'<form>{fields}<label>Who are you? <input name="who"></label><button>Let me in</button></form>'
    return f"<!doctype html><html lang=en><title>Hall</title><h1>Hall</h1>{form}".encode()


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def _location(url: str) -> str:
    from urllib.error import HTTPError

    try:
        with build_opener(_Stay).open(Request(url), timeout=10) as answer:
            raise AssertionError(f"no redirection: {answer.read()!r}")
    except HTTPError as error:
        assert error.code == 302, (error.code, error.read())
        return str(error.headers["Location"])


class _Handler(BaseHTTPRequestHandler):
    provider: Provider
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        octets = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer(dict(parse_qsl(octets.decode(), keep_blank_values=True)))

    def _answer(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/realms/staff")
        self.provider.heard.append(f"{self.command} {path}")
        asked = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        broken = self.provider.broken.get(path)
        if callable(broken):
            broken(self)
        elif broken is not None:
            self._send(*broken)
        else:
            self._send(*self._found(path, asked, form))

    def _found(self, path: str, asked: dict[str, str], form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        provider = self.provider
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if path == "/.well-known/openid-configuration":
            return _json(200, provider.describe())
        if path == "/keys":
            return _json(200, provider.keys())
        if path == "/authorize":
            return provider.authorize(asked)
        if path == "/token":
            return _json(*provider.token(form, self.headers.get("Authorization", "")))
        if path == "/userinfo":
            return _json(*provider.about(bearer))
        if path == "/introspect":
            return _json(200, provider.introspect(form.get("token", "")))
        if path == "/logout":
            return 200, {"Content-Type": "text/html"}, b"<!doctype html><title>Out</title>Signed out of Hall."
        return 404, {}, b""

    def _send(self, status: int, headers: dict[str, str], octets: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(octets)

    def log_message(self, *args: Any) -> None:
        pass


def _json(status: int, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


@contextlib.contextmanager
def running_provider(**how: Any) -> Iterator[Provider]:
    provider = Provider(**how)
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
