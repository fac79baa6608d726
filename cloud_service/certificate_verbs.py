"""The verb `certificates`: when those of the clinic end."""

import argparse

from biosignal.errors import listed
from cloud_service.access.certificate_ends import certificate_files, end_of
from cloud_service.database.columns import utc_now
from cloud_service.errors import CertificatesEnding
from cloud_service.verbs import Say, Subparsers, VerbGroup


class CertificateVerbs(VerbGroup):
    """The verb `certificates`."""

    def add_to(self, verbs: Subparsers) -> None:
        """Add it to the top parser."""
        text = "say when each certificate ends; fail when one has to be renewed"
        self._program.add_verb(verbs, "certificates", self._say_ends, text)

    def _say_ends(self, options: argparse.Namespace, said: Say) -> None:
        now = utc_now()
        files = certificate_files(self._program.settings_from(options))
        ends = [end_of(name, file) for name, file in files.items()]
        for one in sorted(ends, key=lambda one: one.ends):
            said("certificate", f"{one.ends.date().isoformat()}\t{one.name}", name=one.name, ends=one.ends.isoformat())
        soon = [one.sentence(now) for one in ends if one.is_soon(now)]
        if soon:
            raise CertificatesEnding("certificates have to be renewed", which=listed(soon))
