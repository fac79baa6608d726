"""The steps that the documents tell people to type; they are run as they stand there."""

import re
from pathlib import Path

DONE_OTHERWISE = ("apt ", "git clone ", "git pull", "/usr/bin/python3 -m pip install pycuda", "sudoedit ", "#")
_BLOCK = re.compile(r"<!-- steps: ([\w-]+) -->\n+```sh\n(.*?)```", re.DOTALL)


def steps_of(page: Path, name: str) -> list[str]:
    """Give the commands of one block, without `sudo` and without what fetches from the network or opens an editor.

    Raises
    ------
    KeyError : the page has no such block.
    """
    blocks = dict(_BLOCK.findall(page.read_text(encoding="utf-8")))
    lines = [line.split("  #")[0].strip().replace("sudo ", "") for line in blocks[name].splitlines()]
    parts = [[part for part in line.split(" && ") if not part.startswith(DONE_OTHERWISE)] for line in lines if line]
    return [" && ".join(kept) for kept in parts if kept]
