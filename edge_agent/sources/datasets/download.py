"""One file over HTTP, over a line that breaks: go on where it broke off, try again, check the hash, then rename.

Sources: RFC 9110, sections 14 (range requests), 13.1.5 (`If-Range`), 15.5 and 15.6 (status codes), 10.2.3
(`Retry-After`).
"""

import errno
import hashlib
import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biosignal import __version__
from edge_agent.sources.datasets.telling import SILENT, Telling
from edge_agent.sources.port import RecordUnreadable

TIMEOUT_S = 30.0
PAUSE_S = 1.0  # doubled with each try
LONGEST_PAUSE_S = 60.0
TRIES = 5  # without a byte more
_PIECE = 1 << 16
_BUSY = (429, 500, 502, 503, 504)
_RESTRICTED = (401, 403)
_ABSENT = (404, 410)


class Unreachable(RecordUnreadable):
    """The server cannot be reached, or does not give the file in spite of all tries."""

    remedy = "go online, or unpack the data set and set EDGE_DATA_DIR to the folder that holds its own"


class Absent(RecordUnreadable):
    """The server has no such file."""


class Restricted(RecordUnreadable):
    """The server gives the file to those only whom it knows."""


class Unlike(RecordUnreadable):
    """What came is not what the set's list of hashes says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """Fetches files."""

    telling: Telling = SILENT

    def get(self, url: str, target: Path, *, sha256: str | None = None) -> None:
        """Fetch a file to `target`, which is there whole or not at all; a part of it waits beside it for the next time.

        Parameters
        ----------
        sha256 : what the file must be; absent, nothing is checked.

        Raises
        ------
        RecordUnreadable : Absent, Restricted, Unreachable or Unlike, as they say.
        """
        part = target.with_name(f".{target.name}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        if sha256 is not None and part.is_file() and _hash(part) == sha256.lower():
            part.replace(target)
            return
        for last in (False, True):  # what comes wrong once may have been put together from two versions
            self._whole(url, part, resumable=sha256 is not None)
            if sha256 is None or _hash(part) == sha256.lower():
                part.replace(target)
                return
            part.unlink()
            if not last:
                self.telling.say(f"{target.name} is not what the set's list of hashes says: once more")
        raise Unlike(
            "what came twice is not what the set's SHA256SUMS.txt says",
            file=url,
            remedy="try later; if it stays, tell PhysioNet",
        )

    def size(self, url: str) -> int | None:
        """Bytes of a file; None where the server does not say."""
        request = urllib.request.Request(url, method="HEAD", headers=_headers())  # noqa: S310 - see `checked`
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - see `checked`
                return _number(answer.headers.get("Content-Length"))
        except (OSError, http.client.HTTPException):
            return None

    def _whole(self, url: str, part: Path, *, resumable: bool) -> None:
        """Bring `part` to its full length."""
        if not resumable:
            part.unlink(missing_ok=True)  # nothing would say whether both halves are of one file
        tries, why, begun = 0, "", False
        while tries < TRIES:
            before = _length(part)
            try:
                if self._once(url, part):
                    return
                why, wait_s = "the connection ended early", None
            except _Later as error:
                why, wait_s = str(error), error.wait_s
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                    raise RecordUnreadable(
                        "the cache cannot be written", file=str(part), why=error.strerror, remedy="free some space"
                    ) from error
                why, wait_s = f"{getattr(error, 'reason', None) or error}", None
                if isinstance(error, urllib.error.URLError) and not begun and not _length(part):
                    break  # nobody answers: waiting helps no one who has no network
            begun = True
            tries = 0 if _length(part) > before else tries + 1
            if tries < TRIES:
                self.telling.say(f"{url.rpartition('/')[2]}: {why}; going on")
                time.sleep(min(LONGEST_PAUSE_S, wait_s if wait_s is not None else PAUSE_S * 2**tries))
        raise Unreachable("the server does not give the file", file=url, why=why[:200])

    def _once(self, url: str, part: Path) -> bool:
        """One request; whether the file is whole now."""
        have = _length(part)
        headers = _headers() | ({"Range": f"bytes={have}-"} if have else {})
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - see `checked`
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - see `checked`
                begin, whole = _range(answer, have)
                return self._take(answer, part, begin, whole, url)
        except urllib.error.HTTPError as error:
            _refuse(error, url, part)
            raise AssertionError("a refusal raises") from error

    def _take(self, answer: Any, part: Path, begin: int, whole: int | None, url: str) -> bool:
        name, done = url.rpartition("/")[2], begin
        with part.open("r+b" if begin else "wb") as file:
            file.seek(begin)
            file.truncate()
            try:
                while piece := answer.read(_PIECE):
                    file.write(piece)
                    done += len(piece)
                    self.telling.at(name, done, whole)
            finally:
                self.telling.end()
        return whole is None or done >= whole


class _Later(Exception):
    """The server asks to come again. `wait_s` is when, where it says so."""

    def __init__(self, what: str, wait_s: float | None) -> None:
        super().__init__(what)
        self.wait_s = wait_s


def checked(base_url: str) -> str:
    """An address of the web, ending in a stroke.

    Raises
    ------
    RecordUnreadable : it is none.
    """
    if not base_url.startswith(("http://", "https://")):
        raise RecordUnreadable(
            "not an address of the web", url=base_url, remedy="set BEDSIDE_PHYSIONET_URL to https://..., or unset it"
        )
    return base_url if base_url.endswith("/") else f"{base_url}/"


def _headers() -> dict[str, str]:
    return {"User-Agent": f"bedside/{__version__}", "Accept-Encoding": "identity"}


def _range(answer: Any, have: int) -> tuple[int, int | None]:
    """Where what comes begins, and how long the whole file is; a server that ignores `Range` sends all of it."""
    length = _number(answer.headers.get("Content-Length"))
    if answer.status == 206:
        said = str(answer.headers.get("Content-Range", ""))
        begin, _, rest = said.removeprefix("bytes ").partition("-")
        if begin == str(have):
            return have, _number(rest.partition("/")[2]) or (None if length is None else have + length)
        raise _Later("the server sent another part than was asked for", 0.0)
    return 0, length


def _refuse(error: urllib.error.HTTPError, url: str, part: Path) -> None:
    """Turn a status into what it means."""
    error.close()
    if error.code in _ABSENT:
        raise Absent("the server has no such file", file=url) from error
    if error.code in _RESTRICTED:
        raise Restricted(
            "the server gives this to registered users only",
            file=url,
            status=error.code,
            remedy="log in at physionet.org, sign the set's agreement there, download it, and set EDGE_DATA_DIR to the "
            "folder that holds it",
        ) from error
    if error.code == 416:  # what is here is as long as the file, or longer: a file that changed
        part.unlink(missing_ok=True)
        raise _Later("the part that was here fits no longer", 0.0) from error
    if error.code in _BUSY:
        wait_s = _number(error.headers.get("Retry-After"))
        raise _Later(f"the server is busy ({error.code})", None if wait_s is None else float(wait_s)) from error
    raise Unreachable("the server refuses", file=url, status=error.code) from error


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
