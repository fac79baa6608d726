"""Verbs of the command line for the tokens of programs."""

import argparse
import contextlib
from collections.abc import Iterator

from cloud_service.access.roles import Role
from cloud_service.access.tokens import BY_HAND, MOST_DAYS, SCOPES, Tokens, short_name
from cloud_service.database.clinic_tables import TokenRow
from cloud_service.database.columns import utc_now
from cloud_service.verbs import Say, Subparsers, VerbGroup


class TokenVerbs(VerbGroup):
    """The verbs `token add`, `revoke` and `list`."""

    def add_to(self, verbs: Subparsers) -> None:
        """Add `token` to the top parser."""
        token = verbs.add_parser("token", help="tokens for programs").add_subparsers(required=True, metavar="VERB")
        add = self._program.add_verb(token, "add", self._add, "make a token and print it, this once")
        add.add_argument("name")
        scopes = [role.value for role in SCOPES]
        add.add_argument("--role", choices=scopes, default=scopes[0], help="what it may do (default: viewer)")
        add.add_argument("--days", type=int, default=90, help=f"how long it holds, at most {MOST_DAYS} (default: 90)")
        self._program.add_verb(token, "revoke", self._revoke, "end a token at once").add_argument("name")
        self._program.add_verb(token, "list", self._list, "list the tokens, without what opens")

    def _add(self, options: argparse.Namespace, said: Say) -> None:
        with self._tokens(options) as tokens:
            made = tokens.add(name=options.name, role=Role(options.role), days=options.days, by=BY_HAND)
        text = f"{made.name}: {made.token}\nit ends {made.expires:%Y-%m-%d}; send it as `Authorization: Bearer TOKEN`"
        said("token", text, name=made.name, role=made.role.value, expires=made.expires, token=made.token)

    def _revoke(self, options: argparse.Namespace, said: Say) -> None:
        with self._tokens(options) as tokens:
            tokens.revoke(options.name, by=BY_HAND)
        said("token", f"{options.name} is revoked", name=options.name, revoked=True)

    def _list(self, options: argparse.Namespace, said: Say) -> None:
        with self._tokens(options) as tokens:
            rows = tokens.tokens()
        for row in rows:
            facts = {"role": row.role, "made_by": row.made_by, "expires": row.expires, "last_used": row.last_used}
            text = f"{short_name(row)}\t{row.role}\tmade by {row.made_by}\t{_state(row)}"
            said("token", text, name=short_name(row), revoked=row.revoked is not None, **facts)

    @contextlib.contextmanager
    def _tokens(self, options: argparse.Namespace) -> Iterator[Tokens]:
        with self._program.opened(options) as state:
            yield Tokens(state.database, state.settings.access, demo=state.settings.demo)


def _state(row: TokenRow) -> str:
    if row.revoked is not None:
        return "revoked"
    return f"{'ended' if row.expires <= utc_now() else 'until'} {row.expires:%Y-%m-%d}"
