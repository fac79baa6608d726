"""Verbs of the command line for webhooks."""

import argparse
import contextlib
from collections.abc import Iterator

from biosignal.events import Priority
from cloud_service.access.tokens import BY_HAND
from cloud_service.verbs import Say, Subparsers, VerbGroup
from cloud_service.webhooks.hooks import State, Wanted, Webhooks
from cloud_service.webhooks.messages import Topic


class WebhookVerbs(VerbGroup):
    """The verbs `webhook add`, `list`, `test`, `resend` and `end`."""

    def add_to(self, verbs: Subparsers) -> None:
        """Add `webhook` to the top parser."""
        hook = verbs.add_parser("webhook", help="messages to programs elsewhere").add_subparsers(
            required=True, metavar="VERB"
        )
        add = self._program.add_verb(hook, "add", self._add, "make a webhook and print its secret, this once")
        add.add_argument("name")
        add.add_argument("url", help="an https address; one inside is named in webhooks.allow")
        topics = [topic.value for topic in Topic if topic is not Topic.TEST]
        add.add_argument("--topic", action="append", choices=topics, default=[], help="what about (default: all)")
        add.add_argument("--device", action="append", default=[], help="of which devices (default: all)")
        priorities = [priority.value for priority in Priority]
        add.add_argument("--priority", action="append", choices=priorities, default=[], help="(default: all)")
        add.add_argument("--kind", action="append", default=[], help="kinds of findings and alarms (default: all)")
        self._program.add_verb(hook, "list", self._list, "list the webhooks, and what became of their messages")
        for name, act, text in (
            ("test", self._test, "send a message that is about nothing"),
            ("resend", self._resend, "take up all messages again that were given up"),
            ("end", self._end, "send nothing any more, for good"),
        ):
            self._program.add_verb(hook, name, act, text).add_argument("name")

    def _add(self, options: argparse.Namespace, said: Say) -> None:
        wanted = Wanted(
            name=options.name,
            url=options.url,
            topics=options.topic,
            devices=options.device,
            priorities=options.priority,
            kinds=options.kind,
        )
        with self._webhooks(options) as hooks:
            made = hooks.add(wanted, by=BY_HAND)
        said("webhook", f"{made.name}: its secret is {made.secret}", name=made.name, url=made.url, secret=made.secret)

    def _list(self, options: argparse.Namespace, said: Say) -> None:
        with self._webhooks(options) as hooks:
            states = hooks.states()
        for one in states:
            facts = {"url": one.row.url, "waiting": one.waiting, "dead": one.dead, "why": one.why}
            said("webhook", _line(one), name=one.row.name, ended=one.row.ended is not None, **facts)

    def _test(self, options: argparse.Namespace, said: Say) -> None:
        with self._webhooks(options) as hooks:
            hooks.test(options.name, by=BY_HAND)
        said("webhook", f"{options.name}: a test waits; `cloud-service serve` sends it", name=options.name)

    def _resend(self, options: argparse.Namespace, said: Say) -> None:
        with self._webhooks(options) as hooks:
            number = hooks.resend(options.name, by=BY_HAND)
        said("webhook", f"{options.name}: {number} messages are sent again", name=options.name, messages=number)

    def _end(self, options: argparse.Namespace, said: Say) -> None:
        with self._webhooks(options) as hooks:
            hooks.end(options.name, by=BY_HAND)
        said("webhook", f"{options.name} has ended", name=options.name, ended=True)

    @contextlib.contextmanager
    def _webhooks(self, options: argparse.Namespace) -> Iterator[Webhooks]:
        with self._program.opened(options) as state:
            yield Webhooks(state.database, state.settings.webhooks)


def _line(one: State) -> str:
    state = "ended" if one.row.ended is not None else f"{one.waiting} wait, {one.dead} given up"
    return f"{one.row.name}\t{one.row.url}\t{state}{f': {one.why}' if one.why else ''}"
