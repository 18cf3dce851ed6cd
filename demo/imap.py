"""Who may sign in to the demo's IMAP server, and pymap's settings for it."""

from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from pymap.backend.session import BaseSession
from pymap.config import BackendCapability, IMAPConfig
from pymap.exceptions import AuthorizationFailure, InvalidAuth, NotSupportedError
from pymap.interfaces.login import IdentityInterface, LoginInterface
from pymap.token import AllTokens
from pymap.user import UserMetadata
from pysasl.creds.server import ServerCredentials
from pysasl.hashing import Cleartext

from demo.accounts import PASSWORD, account_of_login
from demo.mailboxes import MailboxSet, MailStorage, Message


class Config(IMAPConfig):
    """No TLS and a password compared as it is: both ends are this machine, and everybody knows the password."""

    def __init__(self, store: MailStorage) -> None:
        args = Namespace(passlib_cfg=None, proxy_protocol=None, inherited_sockets=None)
        super().__init__(args, host=None, port=0, tls_enabled=False, hash_context=Cleartext(), reject_dnsbl=False)
        self.store = store

    @property
    def backend_capability(self) -> BackendCapability:
        return BackendCapability(idle=True, object_id=False, multi_append=True)

    @property
    def greeting(self) -> bytes:
        return b"Yurt demo mailboxes ready"


class Session(BaseSession[Message]):
    def __init__(self, owner: str, config: Config) -> None:
        super().__init__(owner)
        self._config = config
        self._mailbox_set = MailboxSet(owner, config.store)

    @property
    def config(self) -> Config:
        return self._config

    @property
    def mailbox_set(self) -> MailboxSet:
        return self._mailbox_set


class Identity(IdentityInterface):
    def __init__(self, name: str, config: Config) -> None:
        super().__init__()
        self._name = name
        self._config = config

    @property
    def name(self) -> str:
        return self._name

    @property
    def roles(self) -> frozenset[str]:
        return frozenset()

    @asynccontextmanager
    async def new_session(self) -> AsyncIterator[Session]:
        yield Session(account_of_login(self._name) or self._name, self._config)

    async def new_token(self, *, expiration: datetime | None = None) -> str | None:
        return None

    async def get(self) -> UserMetadata:
        return UserMetadata(self._config, self._name, password=PASSWORD)

    async def set(self, metadata: UserMetadata) -> int | None:
        raise NotSupportedError("The demo accounts are fixed.")

    async def delete(self) -> None:
        raise NotSupportedError("The demo accounts are fixed.")


class Login(LoginInterface):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config
        self._tokens: Any = AllTokens(config)

    @property
    def tokens(self) -> Any:
        return self._tokens

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        identity = Identity(credentials.authcid, self._config)
        if account_of_login(credentials.authcid) is None or not credentials.verify(await identity.get()):
            raise InvalidAuth()
        return identity

    async def authorize(self, authenticated: IdentityInterface, authzid: str) -> Identity:
        if authenticated.name != authzid:
            raise AuthorizationFailure()
        return Identity(authzid, self._config)
