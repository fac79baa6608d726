"""The verb `certificates`: when those of the clinic end."""

import argparse
from collections.abc import Callable
from typing import Any

from biosignal.errors import listed
from cloud_service.access.certificate_ends import certificate_files, end_of
from cloud_service.database.columns import utc_now
from cloud_service.errors import CertificatesEnding
from cloud_service.settings import CloudSettings

Say = Callable[..., None]


def add_certificates(
    verbs: Any,
    make_verb: Callable[..., argparse.ArgumentParser],
    settings_from: Callable[[argparse.Namespace], CloudSettings],
) -> None:
    """Add the verb to the top parser."""

    def say(options: argparse.Namespace, said: Say) -> None:
        _say_ends(settings_from(options), said)

    make_verb(verbs, "certificates", say, "say when each certificate ends; fail when one has to be renewed")


def _say_ends(settings: CloudSettings, said: Say) -> None:
    now = utc_now()
    ends = [end_of(name, file) for name, file in certificate_files(settings).items()]
    for one in sorted(ends, key=lambda one: one.ends):
        said("certificate", f"{one.ends.date().isoformat()}\t{one.name}", name=one.name, ends=one.ends.isoformat())
    soon = [one.sentence(now) for one in ends if one.is_soon(now)]
    if soon:
        raise CertificatesEnding("certificates have to be renewed", which=listed(soon))
