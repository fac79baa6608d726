"""What is refused before anything is looked up: orders and code, other people, drugs and doses, what is to come.

The patterns are of the field and of the language. They are the first of two fences: what they let through is answered
only where its words are known (`understanding`), and then in vetted sentences alone.
"""

import re

from biosignal.asking.reply import Reason
from biosignal.asking.tokens import plain_text

_CODE = r"[<>{}$;\\|`]|\.\./|--|==|\bjavascript:|https?:|\bdrop table\b|\bunion select\b"
_ORDERS = (
    r"\b(?:ignore|disregard|forget|override|bypass|skip)\b.{0,30}"
    r"\b(?:all|instructions?|rules?|previous|evidence|safety|checks?|prompt|above|said)\b"
    r"|\b(?:system|assistant|developer|admin|user|root)\b\s*(?::|mode|note|prompt)"
    r"|\byou are (?:now|a)\b|\bpretend|\bact as\b|\brole.?play|\brepeat after\b|\bfrom now on\b"
    r"|\bsay (?:that|exactly)\b"
    r"|\banswer (?:only|with|as|in|yes|no)\b|\bprint\b|\breveal\b|\bwrite (?:a|an|me|something|the)\b|\btranslate\b"
    r"|\bappend\b|\bin your answer\b|\bpoem\b|\bsimulate\b|\bmake up\b|\binvent\b|\bprompt\b|\b(?:delete|change) the\b"
)
_PEOPLE = (
    r"\b(?:bed|room|ward|patient|subject|device|recording)s? (?:no\.? |number )?[a-z]*-?\d+"
    r"|\b(?:next|neighbou?ring|adjacent) (?:bed|door|room|patient)|\bneighbou?r"
    r"|\b(?:other|another|last|previous|average|which|all|every|three|many|what) "
    r"(?:patients?|beds?|devices?|people|persons?|man|woman|wards?|subjects?|nurse|doctor)\b"
    r"|\b(?:everybody|everyone|anybody|anyone|somebody|whose|sickest|people|subjects|beds|patients|persons)\b"
    r"|\bwho (?:is|was|are|logged|reviewed|acknowledged|wrote|has|have)\b(?! this found)"
    r"|\bmr\b|\bmrs\b|\bms\b|\bdr\b|\bdoctors?\b|\bphysicians?\b|\bnurses?\b|\bcolleagues?\b"
    r"|\b(?:mother|father|husband|wife|son|daughter|brother|sister|baby|family|relatives?|celebrity|man|woman|staff)\b"
    r"|\b(?:name|address|phone|born|birthday|insurance|security|password|history|notes?|lives?|ward)\b"
    r"|\b(?:his|her|their|what|patient's) age\b"
    r"|\bhow old\b|\blogged in\b|\bon call\b|\bvital signs\b|\S@\S|\b\d{4,}\b|\b[0-9a-f]{8}\b|\b[a-z]{2,}-\d+\b"
)
_UNITS = r"\d\s*(?:mg|mcg|ug|\u03bcg|g|kg|ml|cc|units?|iu|joules?|mmol|meq|tablets?|l/min)\b"
_DRUGS = (
    r"\b\w{2,}(?:olol|pril|sartan|statin|azole|cillin|mycin|caine|zepam|zolam|dipine|darone|parin|xaban|gatran|ytoin"
    r"|cetam|barbital|fentanil|fentanyl|phrine|renaline|profen|setron|oxin|formin|april|tropine|nosine|pamine|tamine"
    r"|valproate|zepine|ofol)\b"
    r"|\b(?:morphine|insulin|aspirin|magnesium|potassium|calcium|lithium|warfarin|steroids?|antibiotics?|opioids?)\b"
)
_TREATMENT = (
    r"\bdos(?:e|es|age|ing)\b|\boverdose|\bdrugs?\b|\bmedicat|\bmedicine|\bpills?\b|\btablets?\b|\bbolus|\binfus|\binject"
    r"|\bdrip\b|\btitrat|\bprescri|\badminister|\bantidote|\btreat|\btherap|\bremed|\bshock|\bcardiover|\bdefibrillat"
    r"|\bintubat|\bventilat(?:e|or|ion)\b|\bpacemaker|\bpace\b|\bablat|\bsurg|\boperat(?:e|ion)\b|\bsedat|\boxygen\b"
    r"|\bcpr\b|\bresuscitat|\banticoag|\bthinner|\banti-?(?:epilep|arrhythm|convuls)|\bbeta.?blocker|\bvaccin"
    r"|\bmilligrams?|\bmillilit|\bjoules?\b|\bmaximum daily\b|\bhelp with this\b"
    r"|\b(?:should|shall|can|may|could|must|do) (?:i|we|you|one) (?:safely )?"
    r"(?:give|start|stop|increase|decrease|raise|lower|double|halve|reduce|push|repeat|skip|hold|withhold|turn)\b"
)
_FUTURE = (
    r"\bwill\b|\bgoing to\b|\bpredict|\bforecast|\bnext (?:hours?|days?|weeks?|months?|years?|seizure|pause|beat)\b"
)
_OUTLOOK = (
    r"\bsurviv|\bprognos|\boutlook|\bexpectancy|\bto live\b|\bdie[sd]?\b|\bdeath|\bdying|\bdead\b|\bmortal|\bfatal"
    r"|\brecover|\bcur(?:e|ed|able)\b|\bchances?\b|\brisk|\bdanger|\bserious|\bhow (?:bad|ill|sick|likely)\b"
    r"|\blife.?threat|\bstable\b|\bcritical\b|\bsafe\b|\bfine\b|\bok(?:ay)?\b|\bhealthy|\bworr(?:y|ied)|\bharmless"
    r"|\bthe end\b|\bworth\b|\bgo(?:ing)? home\b|\bdischarge|\bwithdraw (?:care|treatment)|\bintensive care\b"
    r"|\bexpect\b|\bhope|\bwork again\b|\bwrong\b"
)
_DIAGNOSIS = (
    r"\bheart attack|\bstroke|\bcancer|\btumou?r|\bcovid|\binfect(?:ion|ed)|\bdisease|\bdiagnos|\bepilep|\bapn(?:o?ea)"
    r"|\bcoma\b|\bdamage|\bcaus|\bfalse alarm|\bignore (?:this|the) alarm|\brule out\b|\bconfirm\b|\bnormal for\b"
    r"|\bdoes (?:this patient|the patient|he|she) have\b|\bhas (?:he|she|the patient) (?:had|got)\b"
    r"|\bwhy (?:does|do|has|is) (?:he|she|this patient|the patient)\b"
)
_FENCES: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    (Reason.INSTRUCTION, re.compile(f"{_CODE}|{_ORDERS}")),
    (Reason.DOSE, re.compile(f"{_UNITS}|{_DRUGS}|{_TREATMENT}")),
    (Reason.OTHER_PATIENT, re.compile(_PEOPLE)),
    (Reason.PROGNOSIS, re.compile(f"{_FUTURE}|{_OUTLOOK}|{_DIAGNOSIS}")),
)


def refused(question: str) -> Reason | None:
    """Say why a question must not be answered; None where no fence stops it."""
    text = plain_text(question)
    return next((reason for reason, fence in _FENCES if fence.search(text)), None)
