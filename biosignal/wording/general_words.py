"""Words that a phrasing may use whatever its kind of finding: they name no condition, no cause and no treatment.

Everything else must stand in the vetted words of the kind itself, so that the name of another condition, of a drug or
of a procedure is simply not known. `SENSES` are words that turn a sentence: a phrasing has the same of them as a vetted
wording, and a number in words or a share counts as one of its own.
"""

from collections.abc import Mapping

GENERAL = frozenset(
    """analysed arrive ask beat became become bed bedside begin cable call carefully change check come compare compared
    correct count counted device display electrode end ended find follow form get go happen heart heartbeat hold keep
    kind last lay lead limit line long look lost made make mark measure measured monitor name named note part patient
    person place point program pulse rate reach reached read record reliable reliably remain rest rhythm say screen see
    seen set show shown sign signal sit stand start stay strip take tell time together touch trace turn usual wait watch
    watched way went while write written yourself""".split()  # noqa: SIM905  # as it is read
)

SENSES: Mapping[str, frozenset[str]] = {
    "more": frozenset(["above", "exceed", "exceeded", "exceeds", "faster", "higher", "over", "quicker"]),
    "less": frozenset(["below", "slow", "slower", "slowly", "under"]),
    "rise": frozenset(["increased", "rise", "rises", "rising", "rose", "up"]),
    "fall": frozenset(["decreased", "down", "fell", "fallen"]),
    "fast": frozenset(["fast", "quick", "quickly", "rapid", "rapidly"]),
    "perhaps": frozenset(
        """can candidate could likely may maybe might perhaps possible possibly probably suspected uncertain""".split()  # noqa: SIM905
    ),
    "to come": frozenset(["going", "shall", "soon", "will", "would"]),
    "duty": frozenset(["must", "should"]),
    "at once": frozenset(["first", "immediately", "now", "once", "urgent", "urgently"]),
    "cause": frozenset(["because", "cause", "caused", "causes", "due", "reason", "therefore", "why"]),
    "roughly": frozenset(["about", "almost", "approximately", "around", "least", "nearly", "roughly"]),
    "before or after": frozenset(["after", "before", "behind", "between", "during", "earlier", "later", "until"]),
    "only": frozenset(["alone", "always", "ever", "just", "only", "still", "yet"]),
    **{
        word: frozenset([word])
        for word in """all another both double each eight every few five four half greater high highest large larger
        long longer longest low lower lowest many most narrow nine none other rarely second seven several short
        shorter shortest single six small smaller some ten third three twice two upper weaker whole wide
        wider""".split()  # noqa: SIM905
    },
}

DENIALS = frozenset(
    """absence absent cannot fail failed fails lack lacks missing neither never no nor not nothing unable
    without""".split()  # noqa: SIM905
)
