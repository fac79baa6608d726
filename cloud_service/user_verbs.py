"""Verbs of the command line for people who may log in."""

import argparse
import contextlib
from collections.abc import Iterator

from cloud_service.access.accounts import forget_first_password
from cloud_service.access.people import People
from cloud_service.access.roles import Role
from cloud_service.verbs import BY, Say, State, Subparsers, VerbGroup


class UserVerbs(VerbGroup):
    """The verbs `user add`, `reset`, `disable`, `enable`, `role` and `list`."""

    def add_to(self, verbs: Subparsers) -> None:
        """Add `user` to the top parser."""
        user = verbs.add_parser("user", help="people who may log in").add_subparsers(required=True, metavar="VERB")
        roles, add_verb = [role.value for role in Role], self._program.add_verb
        add = add_verb(user, "add", self._add, "make an account and print its password")
        add.add_argument("name")
        add.add_argument("--role", choices=roles, default=Role.VIEWER.value, help="what it may do (default: viewer)")
        for name, act, text in (
            ("reset", self._reset, "give an account a new password and print it"),
            ("disable", self._disable, "close an account"),
            ("enable", self._enable, "open a closed account again"),
        ):
            add_verb(user, name, act, text).add_argument("name")
        role = add_verb(user, "role", self._role, "give an account another role")
        role.add_argument("name")
        role.add_argument("role", choices=roles)
        add_verb(user, "list", self._list, "list the accounts")

    def _add(self, options: argparse.Namespace, said: Say) -> None:
        with self._people(options) as people:
            password = people.add(name=options.name, role=Role(options.role), by=BY)
        said("user", f"{options.name}: {password}", name=options.name, role=options.role, password=password)

    def _reset(self, options: argparse.Namespace, said: Say) -> None:
        with self._program.opened(options) as state:
            password = people_of(state).reset(options.name, by=BY)
            forget_first_password(state.settings.state_dir, options.name)
        text = f"{options.name}: {password}\nit opens nothing until its owner has changed it"
        said("user", text, name=options.name, password=password, must_change=True)

    def _disable(self, options: argparse.Namespace, said: Say) -> None:
        with self._people(options) as people:
            people.disable(options.name, by=BY)
        said("user", f"{options.name} is disabled", name=options.name, disabled=True)

    def _enable(self, options: argparse.Namespace, said: Say) -> None:
        with self._people(options) as people:
            people.enable(options.name, by=BY)
        said("user", f"{options.name} is enabled", name=options.name, disabled=False)

    def _role(self, options: argparse.Namespace, said: Say) -> None:
        with self._people(options) as people:
            people.set_role(options.name, Role(options.role), by=BY)
        said("user", f"{options.name} is {options.role}", name=options.name, role=options.role)

    def _list(self, options: argparse.Namespace, said: Say) -> None:
        with self._people(options) as people:
            users = people.users()
        for user in users:
            text = f"{user.name}\t{user.role}{chr(9) + 'disabled' if user.disabled else ''}"
            said("user", text, name=user.name, role=user.role, disabled=user.disabled is not None)

    @contextlib.contextmanager
    def _people(self, options: argparse.Namespace) -> Iterator[People]:
        with self._program.opened(options) as state:
            yield people_of(state)


def people_of(state: State) -> People:
    """Open the accounts of a clinic."""
    return People(state.database, state.settings.access, demo=state.settings.demo)
