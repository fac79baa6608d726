"""What the embedded broker (amqtt) asks before it lets anyone in, write or read.

Rights hang on a mark that the first right password leaves on a session. amqtt 0.12 merges a CONNECT into an existing
session of that client id before it checks the password, so the user name of a session can be overwritten by anyone; the
mark cannot. It also publishes last wills without asking: a will outside the account's own topics is refused.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqtt.contexts import Action
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin

from biosignal.errors import BadInput
from cloud_service.access.passwords import password_matches
from cloud_service.broker.accounts import read_accounts
from cloud_service.broker.rights import Account, may_read, may_write

OWNER = "bedside_owner"


class _AccountsOnDisk:
    """The accounts file, read again when it was replaced; what was last readable holds."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._accounts: Mapping[str, Account] = {}

    def now(self) -> Mapping[str, Account]:
        try:
            facts = self._file.stat()
            stamp = (facts.st_mtime_ns, facts.st_ino)
            if stamp != self._stamp:
                self._accounts, self._stamp = read_accounts(self._file), stamp
        except (OSError, BadInput):
            pass
        return self._accounts


class KnownClients(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is untyped for us
    """Lets in who has an account, by its password, and into no session of another."""

    @dataclass
    class Config:
        """`accounts`: path of the accounts file."""

        accounts: str = ""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._disk = _AccountsOnDisk(Path(self.config.accounts))

    async def authenticate(self, *, session: Any) -> bool:
        """Check name, session and password; take off a will that is not the account's to publish."""
        accounts = self._disk.now()
        name = session.username or ""
        account = accounts.get(name)
        password = session.password or ""
        own_session = getattr(session, OWNER, name) == name
        known = await asyncio.to_thread(password_matches, account.argon2 if account else None, password)
        allowed = bool(known and own_session)
        if session.will_flag and not (allowed and may_write(accounts, name, session.will_topic or "")):
            session.will_flag = False
            return False
        if allowed:
            setattr(session, OWNER, name)
        return allowed


class OwnTopics(BaseTopicPlugin):  # type: ignore[misc]  # amqtt is untyped for us
    """Keeps everyone to the topics of their account."""

    @dataclass
    class Config:
        """`accounts`: path of the accounts file."""

        accounts: str = ""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._disk = _AccountsOnDisk(Path(self.config.accounts))

    async def topic_filtering(
        self, *, session: Any = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Decide about one publication, subscription or delivery."""
        name = getattr(session, OWNER, "")
        decide = may_write if action == Action.PUBLISH else may_read
        return bool(topic) and decide(self._disk.now(), name, topic or "")
