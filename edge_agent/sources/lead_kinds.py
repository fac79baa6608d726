"""What a lead measures, from its name and unit: for the readers of files that know no types.

Names: EDF+ (2003, "standard texts"), the electrodes of the 10-10 system, the leads of the WFDB databases, and the
labels that monitors, sleep laboratories and the TUH EEG corpus write.
"""

import re
import unicodedata
from collections.abc import Sequence

from biosignal.signal.blocks import LeadKind

ELECTRICAL = (LeadKind.ECG, LeadKind.EEG, LeadKind.EOG, LeadKind.EMG)

_WORDS: tuple[tuple[LeadKind, str], ...] = (
    # The first line that fits decides, so names of numbers about a signal come before names of signals.
    (
        LeadKind.STATUS,
        r"status|trig(ger)?|counter|count|stim|sti|marker|events?|annotations?|photic|battery|vbatt|bursts?",
    ),
    (LeadKind.STATUS, r"bursts?|suppr|ibi|timestamps?|time|index|sample|sequence|leads? ?off|loff|quality|sync|packet"),
    (LeadKind.STATUS, r"labels?|class|target|y ?true|is beat|beats?( ?(type|class))?|qrs"),
    (
        LeadKind.STATUS,
        r"mark|mkr|v ?bat|clock|millis|micros|(r ?)?peaks?|onsets?|offsets?|phase|completion",
    ),
    (
        LeadKind.OTHER,
        r"imp(?! resp)|impedance|rate|hr|hrv|bpm|heartrate|acc[xyz]?|accel|accelerometer|gyro|gyroscope|magn?|axis|gsr",
    ),
    (
        LeadKind.OTHER,
        r"eda|light|elevation|activity|position|supply|posangle|pos|ptt|pwa|et ?co 2|co 2|tachogram|rr|awrr",
    ),
    (LeadKind.OTHER, r"st( ?(i{1,3}|av[rlf]|v))?|core"),
    (LeadKind.ECG, r"[mf]?ecg([a-z]|i{2,3}|wave(form)?|raw)?|ekg[lr]?|ele[ck]tro[ck]ardiogra(mm?|ph)|mli{1,3}|mcl"),
    (LeadKind.SOUND, r"snor(e|ing)|sound|audio|mic|microphone|phono|pcg"),
    (LeadKind.PLETH, r"pleth?[a-z]?|ppg|(photo)?plethysmogra(mm?|ph)|s[ap] ?o 2 wave(form)?|bvp|pulse|ir|red"),
    (LeadKind.OXYGEN, r"s[ap] ?o 2|so 2|o 2 ?sat|saturation|o ?sat|sat"),
    (LeadKind.TEMPERATURE, r"temp|temperature|t ?blood|t ?skin|t ?core"),
    (
        LeadKind.RESPIRATION,
        r"rsp|resp(iration|iratory)?|breath(ing)?|(new )?air|air ?flow|p? ?flow|nasal ?p?|oro ?nasal|cannula",
    ),
    (
        LeadKind.RESPIRATION,
        r"therm(istor)?|tho(ra?x?)?|vth|vab|thoracic|abd(o|om|omen|ominal)?|chest|effort|rip|inductance|pneumo(gram)?|cpap",
    ),
    (LeadKind.PRESSURE, r"n?i?bp|abp|aobp|art|cvp|pap|icp|lap|rap|uap|uac|fap|pressure|[na]bp(sys|dias?|mean)"),
    (LeadKind.EOG, r"eog[lrhv]?|[lrhv]?eog|loc|roc|luc|rlc|canthus|eye"),
    (LeadKind.EMG, r"emg|chin[lr]?|legs?|[lr]leg|[lr]at|plm|tib(ialis)?|submental|masseter"),
    (LeadKind.EEG, r"eeg"),
)
_NAMED = tuple((kind, re.compile(rf"(?<![a-z])({words})(?![a-z])")) for kind, words in _WORDS)

_WORD_FOR_LEAD = (
    "(?:lead|channel|ableitung|derivation|derivacion|derivazione|derivacao|afleiding|odprowadzenie|avledning"
    "|kytkenta|svod|elvezetes)"
)
_ECG_LEAD = re.compile(
    rf"({_WORD_FOR_LEAD}[ _-]?)?(i{{1,3}}|av[rlf]|v\d?|v[3-9]r|v[xyz]|v\d-v\d)"
    r"|ml\d|mcl\d|c[mcs]\d\d?|cb\d|d(i{1,3}|[1-4])"
    r"|(mod[ .])?v\d|(la|ll|ra|rl|vx)(-(la|ll|ra|rl))?|lead ?[1-3]"
)
_LEAD_WITH_WORDS = re.compile(rf"{_WORD_FOR_LEAD} (i{{1,3}}|av[rlf]|v \d)(?![a-z])")  # `lead II of the left arm`
_SITE = r"(?:(?:fp|af|f|fc|ft|c|t|cp|tp|p|po|o|n|i)(?:z|\d{1,2}h?)|[am][12]|sp[12]|pg[12])"
_EEG_LEAD = re.compile(rf"(?:{_SITE}|e\d{{1,3}})(?:-(?:ref|le|ar|av|avg|x))?(?:-\d)?|{_SITE}[-/_:]?{_SITE}(?:-\d)?")
_EYE_LEAD = re.compile(rf"e[12](?:[-/_:]?{_SITE})?")
_EAR = re.compile(r"a\d")
_INPUT = re.compile(r"(?:exg )?(?:ch|chan|channel|signal|lead|column|analog|adc|input|in|exg)[ _-]?\d{1,3}")
_LONG_NUMBER = re.compile(r"\d{3}")  # such a number in a name may be somebody's
_VOLTS = ("v", "mv", "uv", "nv", "\u00b5v", "\u03bcv", "nu", "adu")
_SIGNED = re.compile(r"[-+][a-z]\w*|\w*[a-z]\w*[-+]")
_BLANK = re.compile(r"[-.\s]+")

_OTHER_SCRIPTS = (
    (
        LeadKind.ECG,
        re.compile(
            '\u5fc3\u7535|\u5fc3\u96fb|\u044d\u043a\u0433|\u0435\u043a\u0433|\uc2ec\uc804\ub3c4|\u03b7\u03ba\u03b3|\u05d0\u05e7["\u05f4]?\u05d2'
        ),
    ),
    (LeadKind.EEG, re.compile("\u8111\u7535|\u8133\u6ce2|\u8166\u6ce2|\u044d\u044d\u0433|\ub1cc\ud30c")),
)
"""ECG and EEG in scripts of which plain letters keep nothing, from Chinese to Hebrew."""

_OF_UNIT: dict[str, LeadKind] = {
    **dict.fromkeys(("mmhg", "kpa", "cmh2o", "hpa", "mbar"), LeadKind.PRESSURE),
    **dict.fromkeys(("degc", "degf", "\u00b0c", "\u00b0f", "c"), LeadKind.TEMPERATURE),
    **dict.fromkeys(
        ("ohm", "kohm", "\u03c9", "k\u03c9", "%", "pct", "g", "m/s2", "m/s^2", "deg", "\u00b0", "deg/s", "rad/s", "lx"),
        LeadKind.OTHER,
    ),
    **dict.fromkeys(("db", "pa", "h", "l", "ml", "l/s", "l/min", "ml/s", "s", "ms", "hz", "us", "g/s"), LeadKind.OTHER),
}
"""Kinds by units that no electrode has. A unit that stands nowhere here says nothing."""
_RATES = ("bpm", "/min", "1/min", "rpm", "tr/min", "br/min", "pm")
"""What is counted by the minute is a number made from a signal, and none itself."""


def kind_of(name: str, unit_text: str = "") -> LeadKind:
    """What a lead of this name measures; `UNKNOWN` where the name says nothing, as with ``signal-0`` or ``CH1``.

    Parameters
    ----------
    unit_text : as the file writes it. It settles what a name leaves open: ``P1`` is an electrode in uV, a pressure in
        mmHg.
    """
    unit = unit_text.strip().lower()
    if unit in _RATES:
        return LeadKind.OTHER
    written = unicodedata.normalize("NFC", name).lower()
    elsewhere = (kind for kind, pattern in _OTHER_SCRIPTS if pattern.search(written))
    kind = next(elsewhere, None) or _by_name(_plain(name))
    if unit in _OF_UNIT and (kind in ELECTRICAL or kind is LeadKind.UNKNOWN):
        return _OF_UNIT[unit]
    return kind


def is_term(name: str) -> bool:
    """Whether a name is made of known words, leads, electrodes and numbers alone, so that it can name no person."""
    if _LONG_NUMBER.search(name) or not _says_all_in_ascii(name):
        return False
    plain = _plain(name)
    if any(pattern.fullmatch(plain.removeprefix("eeg ")) for pattern in (_ECG_LEAD, _EYE_LEAD, _EEG_LEAD, _INPUT)):
        return True
    words = re.sub(r"(?<=[a-z])(?=\d)", " ", re.sub(r"[^a-z0-9]+", " ", plain)).strip()
    return bool(words) and not any(left for left in _known_words_out_of(words).split() if not left.isdecimal())


def _says_all_in_ascii(name: str) -> bool:
    """Whether nothing but accents is lost of a name in plain letters."""
    return all(sign.isascii() or unicodedata.combining(sign) for sign in unicodedata.normalize("NFKD", name))


def _known_words_out_of(words: str) -> str:
    """What is left of them."""
    for _, pattern in _NAMED:
        words = pattern.sub(" ", words)
    return words


def is_unit(text: str) -> bool:
    """Whether a unit is one that is known."""
    unit = text.strip().lower()
    return unit in _OF_UNIT or unit in _RATES or unit in _VOLTS or not unit


def kinds_of(named: Sequence[tuple[str, str]]) -> tuple[LeadKind, ...]:
    """Kinds of all leads of a file, given as (name, unit).

    ``A1`` and ``A2`` are electrodes on the ears beside other EEG, and inputs of a board elsewhere.
    """
    kinds = tuple(kind_of(name, unit) for name, unit in named)
    if LeadKind.EEG not in kinds:
        return kinds
    return tuple(
        LeadKind.EEG if kind is LeadKind.UNKNOWN and _EAR.fullmatch(_plain(name)) else kind
        for (name, _), kind in zip(named, kinds, strict=True)
    )


def kind_of_type(type_text: str, name: str, unit_text: str = "") -> LeadKind:
    """What a lead measures where a type stands beside its name, such as ``EEG`` in a stream's description.

    A type that says nothing (``EXG``, ``signal``) leaves it to the name. A stream of EEG may carry a trigger or the
    heart, which their names say.
    """
    by_name, by_type = kind_of(name, unit_text), kind_of(type_text)
    is_said = by_type is not LeadKind.UNKNOWN and (by_type is not LeadKind.EEG or by_name is LeadKind.UNKNOWN)
    return by_type if is_said else by_name


def _plain(name: str) -> str:
    """Lower case without accents, quotes, a sign, a unit of electrodes, the dots that fill a label up, and ``#2``."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    bare = re.sub(r"#\d+$", "", ascii_only.strip().lower()).strip(" .'\"")
    if _BLANK.fullmatch(bare):
        return bare
    without_unit = re.sub(r"(?<=.)[\s_,]*[(\[,][\s_]*[mun]?v[)\]]?$", "", bare)
    return without_unit.strip(" .") if _SIGNED.fullmatch(without_unit) is None else without_unit.strip("+- .")


def _by_name(name: str) -> LeadKind:
    if _BLANK.fullmatch(name):  # a channel of the recorder to which nothing was connected
        return LeadKind.OTHER
    if _EAR.fullmatch(name):
        return LeadKind.UNKNOWN
    prefix, _, rest = name.partition(" ")
    if prefix in ("eeg", "pol") and rest:
        # Recorders for EEG call every channel so, also that of the heart: `EEG EKG1-REF`, `POL EKG`.
        other = _by_word(rest)
        return LeadKind.EEG if other is LeadKind.UNKNOWN else other
    for kind, pattern in ((LeadKind.ECG, _ECG_LEAD), (LeadKind.EOG, _EYE_LEAD), (LeadKind.EEG, _EEG_LEAD)):
        if pattern.fullmatch(name):
            return kind
    return _by_word(name)


def _by_word(name: str) -> LeadKind:
    spaced = re.sub(r"(?<=[a-z])(?=\d)", " ", re.sub(r"[^a-z0-9]+", " ", name))
    for kind, pattern in _NAMED:
        if pattern.search(spaced):
            return kind
    return LeadKind.ECG if _LEAD_WITH_WORDS.match(spaced) else LeadKind.UNKNOWN
