"""What the name of an EEG lead says: which electrode, against which.

Names: the 10-20 and 10-10 systems (Jurcak 2007, doi:10.1016/j.neuroimage.2006.09.024), the older T3 T4 T5 T6 among
them, as EDF+ files, sleep laboratories, CHB-MIT and the TUH corpus write them.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

EARS = ("A1", "A2", "M1", "M2")
"""Electrodes on the ear lobes and mastoids: references that see little of the brain."""
_OLDER = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
_SITE = r"(?:fp|af|fc|ft|cp|tp|po|f|c|t|p|o|n|i)(?:z|\d{1,2})|[am][12]"
_REFERENCE = r"ref|le|ar|av|avg|average|x|cs2|car"
_LEAD = re.compile(rf"(?:eeg[ _:]*)?({_SITE})(?:[-/_ ]?({_SITE}|{_REFERENCE}))?(?:[-#]\d+)?")
_FILLING = " .'\""
_UNIT = re.compile(r"(?<=.)[\s_,]*[(\[][\s_]*[mun\u00b5\u03bc]?v[)\]]$")


@dataclass(frozen=True, slots=True)
class Derivation:
    """A potential between two electrodes by their 10-10 names; no `cathode`: against a reference that has no name."""

    anode: str
    cathode: str | None = None

    @property
    def name(self) -> str:
        """As written, such as ``Fp1-F7``, or ``Fp1`` against a reference."""
        return self.anode if self.cathode is None else f"{self.anode}-{self.cathode}"

    @property
    def is_referential(self) -> bool:
        """Whether it is measured against what should see nothing of the brain."""
        return self.cathode is None or self.cathode in EARS


@lru_cache(maxsize=1024)
def derivation_of(lead: str) -> Derivation | None:
    """Read the name of a lead, such as ``EEG Fpz-Cz``, ``Fc5.``, ``T7-P7`` or ``EEG FP1-REF``.

    Returns
    -------
    None where no electrode is named, as in ``EEG 3``.
    """
    found = _LEAD.fullmatch(_UNIT.sub("", lead.strip().lower()).strip(_FILLING))
    if found is None:
        return None
    anode, cathode = found.groups()
    is_electrode = cathode is not None and re.fullmatch(_SITE, cathode) is not None
    return Derivation(electrode(anode), electrode(cathode) if is_electrode else None)


def electrode(name: str) -> str:
    """Spell an electrode by its 10-10 name: ``FP1`` is ``Fp1``, ``t3`` is ``T7``."""
    upper = name.upper()
    spelled = f"{upper[:-1]}z" if upper.endswith("Z") else upper
    spelled = "Fp" + spelled[2:] if spelled.startswith("FP") else spelled
    return _OLDER.get(spelled, spelled)


def side_of(derivation: Derivation) -> int:
    """Say where a derivation lies: -1 on the left, 1 on the right, 0 in the middle or across it."""
    sides = {_side(derivation.anode)}
    if derivation.cathode is not None and not derivation.is_referential:
        sides.add(_side(derivation.cathode))
    return sides.pop() if len(sides) == 1 else 0


def mirrored(derivation: Derivation) -> Derivation:
    """Give the derivation at the same place of the other side: ``C4-P4`` of ``C3-P3``. Any reference stands for all."""
    cathode = None if derivation.is_referential else derivation.cathode
    return Derivation(_mirrored(derivation.anode), None if cathode is None else _mirrored(cathode))


def _side(name: str) -> int:
    return 0 if not name[-1].isdigit() else -1 if int(name[-1]) % 2 else 1


def _mirrored(name: str) -> str:
    found = re.fullmatch(r"(\D+)(\d+)", name)
    if found is None:
        return name
    number = int(found.group(2))
    return f"{found.group(1)}{number + 1 if number % 2 else number - 1}"
