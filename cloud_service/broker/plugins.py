"""What the embedded broker (amqtt) asks before it lets anyone in, write or read.

Who comes in was decided by the guard (`cloud_service.broker.embedded`), before amqtt looked for a session. A client id
belongs to one account there, so the user name of a session is always that of its account.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqtt.contexts import Action
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin

from cloud_service.broker.accounts import AccountsOnDisk
from cloud_service.broker.embedded import ADMITTED
from cloud_service.broker.rights import may_read, may_write


class KnownClients(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is untyped for us
    """Lets in whom the guard let in; a connection that came another way has no account and is refused."""

    async def authenticate(self, *, session: Any) -> bool:
        """Compare the session's name with the account that the guard checked on this connection."""
        return bool(ADMITTED.get()) and session.username == ADMITTED.get()


class OwnTopics(BaseTopicPlugin):  # type: ignore[misc]  # amqtt is untyped for us
    """Keeps everyone to the topics of their account."""

    @dataclass
    class Config:
        """`accounts`: path of the accounts file."""

        accounts: str = ""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._disk = AccountsOnDisk(Path(self.config.accounts))

    async def topic_filtering(
        self, *, session: Any = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Decide about one publication, subscription or delivery."""
        decide = may_write if action == Action.PUBLISH else may_read
        return bool(topic) and decide(self._disk.now(), session.username or "", topic or "")
