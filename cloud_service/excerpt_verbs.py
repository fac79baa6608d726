"""The verb of the command line that takes a stretch of a recording out as files."""

import argparse
from pathlib import Path

from biosignal.errors import BadInput
from cloud_service.access.secret_files import write_secret
from cloud_service.clinic.annotating import readers_of
from cloud_service.clinic.excerpting import note_taken_out, stretch_of
from cloud_service.database.event_tables import RecordingRow
from cloud_service.excerpts.archive_file import FORMATS, zipped
from cloud_service.ingest.stored_waves import open_archive
from cloud_service.verbs import BY, Say, Subparsers, VerbGroup


class ExcerptVerbs(VerbGroup):
    """The verb `export`."""

    def add_to(self, verbs: Subparsers) -> None:
        """Add `export` to the top parser."""
        made = self._program.add_verb(
            verbs, "export", self._export, "take a stretch of a recording out as files, in a ZIP"
        )
        made.add_argument("device")
        made.add_argument("recording", help="as the device's page names it, whole")
        made.add_argument(
            "--from-s", type=float, default=0.0, metavar="S", help="seconds into the recording (default: 0)"
        )
        made.add_argument("--to-s", type=float, required=True, metavar="S", help="up to here, not included")
        made.add_argument("--form", choices=sorted(FORMATS), default="wfdb", help="default: wfdb")
        made.add_argument("--lead", action="append", metavar="NAME", help="one lead; may be repeated (default: all)")
        made.add_argument("--output", type=Path, required=True, metavar="FILE", help="the ZIP that is written")

    def _export(self, options: argparse.Namespace, said: Say) -> None:
        if options.output.exists():
            raise BadInput("there is a file of that name", file=options.output, remedy="give another name")
        with self._program.opened(options) as state:
            with state.database.read() as session:
                row = session.get(RecordingRow, (options.device, options.recording))
                if row is None:
                    raise BadInput("no such recording", device=options.device, recording=options.recording)
                place = (options.from_s, options.to_s)
                of = {"leads": options.lead, "readers": readers_of(session, row)}
                stretch = stretch_of(session, open_archive(state.settings), row, *place, **of)
            packed = zipped(stretch, options.form)
            write_secret(options.output, packed)
            note_taken_out(state.database, stretch, options.form, by=BY)
        leads = [lead.name for lead in stretch.leads]
        said("exported", f"{len(leads)} leads, {len(stretch.said)} notes: {options.output}", leads=leads)
