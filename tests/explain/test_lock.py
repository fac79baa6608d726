"""The lock on the language model: clean texts pass, every planted error is refused, grammar and language agree."""

import itertools
import math
import random
import re

import pytest
from explain_cases import KINDS, finding, many

from biosignal.tasks.lookup import shown
from biosignal.wording.checker import audit, refusal
from biosignal.wording.grammar import gbnf
from biosignal.wording.knowledge import knowledge
from biosignal.wording.language import is_member, longest, plans, sample_text

CASES = many(260, seed=11)
CLEAN = [sample_text(found, random.Random(index)) for index, found in enumerate(CASES)]
PAIRS = list(zip(CLEAN, CASES, strict=True))


def changed_digit(text, found, dice):
    at = dice.choice([m.start() for m in re.finditer(r"\d", text)])
    return text[:at] + dice.choice([d for d in "0123456789" if d != text[at]]) + text[at + 1 :]


def swapped_values(text, found, dice):
    numbers = sorted({shown(m) for m in found.evidence.measures if text.count(shown(m)) == 1})
    if len(numbers) < 2:
        return None
    first, second = dice.sample(numbers, 2)
    return text.replace(first, "\0").replace(second, first).replace("\0", second)


def other_unit(text, found, dice):
    swaps = [("beats per minute", "seconds"), ("seconds", "minutes"), (" beats", " seconds")]
    return next((text.replace(a, b, 1) for a, b in swaps if a in text), None)


def cause(text, found, dice):
    return text.replace(". ", ", likely due to ischaemia. ", 1)


def other_finding(text, found, dice):
    others = [label for _, kind in KINDS if kind != found.kind for label in knowledge().of_kind(kind).labels]
    own = next(label for label in knowledge().of_kind(found.kind).labels if label in text)
    return text.replace(own, dice.choice(others), 1)


def other_action(text, found, dice):
    actions = {action for entry in knowledge().kinds.values() for action in entry.actions}
    own = next((action for action in sorted(actions, key=len, reverse=True) if action in text), None)
    return None if own is None else text.replace(own, dice.choice(sorted(actions - {own})), 1)


def dropped_fact(text, found, dice):
    sentences = re.split(r"(?<=\.) ", text)
    del sentences[dice.randrange(len(sentences))]
    return " ".join(sentences)


def saw_no_sign(text, found, dice):
    return re.sub("found|reports", "saw no sign of", text, count=1)


def never_saw(text, found, dice):
    return re.sub("found|reports", "never saw", text, count=1)


def call_911(text, found, dice):
    return text + " Call 911 now."


def stable(text, found, dice):
    return text.replace(". ", ". The patient is stable. ", 1)


def said_twice(text, found, dice):
    sentences = re.split(r"(?<=\.) ", text)
    return " ".join([*sentences, sentences[-1]])


def cut_off(text, found, dice):
    return text[: dice.randrange(len(text))]


def other_case(text, found, dice):
    return text[0].lower() + text[1:]


def trailing_space(text, found, dice):
    return text + "\n"


def other_lead(text, found, dice):
    return text.replace(found.leads[0], "aVX", 1)


def other_count_of_marks(text, found, dice):
    return re.sub(r"(\d+) of (\d+) ", lambda m: f"{m[2]} of {m[2]} ", text) if " are kept" in text else None


def swapped_sentences(text, found, dice):
    sentences = re.split(r"(?<=\.) ", text)
    sentences[-1], sentences[-2] = sentences[-2], sentences[-1]
    return " ".join(sentences)


CORRUPTIONS = [
    changed_digit,
    swapped_values,
    other_unit,
    cause,
    other_finding,
    other_action,
    dropped_fact,
    saw_no_sign,
    never_saw,
    call_911,
    stable,
    said_twice,
    cut_off,
    other_case,
    trailing_space,
    other_lead,
    other_count_of_marks,
    swapped_sentences,
]


def test_260_clean_texts_are_accepted():
    assert [refusal(text, found) for text, found in PAIRS] == [None] * 260
    assert len(set(CLEAN)) == 260


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda function: function.__name__)
def test_every_planted_error_is_refused(corrupt):
    dice = random.Random(5)
    planted = 0
    for text, found in PAIRS:
        wrong = corrupt(text, found, dice)
        if wrong is None:
            continue
        assert wrong != text
        assert not is_member(wrong, found)
        assert refusal(wrong, found) is not None
        planted += 1
    assert planted >= 80


def test_each_clean_text_was_corrupted_at_least_ten_ways():
    dice = random.Random(6)
    assert all(sum(bool(corrupt(text, found, dice)) for corrupt in CORRUPTIONS) >= 10 for text, found in PAIRS)


def test_a_text_of_another_finding_is_refused():
    assert not any(is_member(text, other) for text, other in zip(CLEAN, CASES[1:], strict=False))


@pytest.mark.parametrize("corrupt", [changed_digit, cause, other_finding, other_action, saw_no_sign, never_saw])
def test_the_audit_alone_sees_most_of_what_it_is_for(corrupt):
    dice = random.Random(5)
    wrong = [(corrupt(text, found, dice), found) for text, found in PAIRS]
    seen = [audit(text, found) is not None for text, found in wrong if text is not None]
    # A digit outside the measures, or a label that also stands in a meaning, is for the membership check alone.
    floors = {changed_digit: 0.5, other_finding: 0.8}
    assert sum(seen) / len(seen) > floors.get(corrupt, 0.95)


class Gbnf:
    """Reads the subset of GBNF that we write, on its own: literals, names, groups, alternatives."""

    TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([a-z0-9-]+)|([()|]))')

    def __init__(self, text: str) -> None:
        self.rules = dict(line.split(" ::= ", 1) for line in text.strip().split("\n"))

    def sample(self, dice: random.Random, rule: str = "root") -> str:
        return self._draw(self._alternatives(iter(self._tokens(self.rules[rule]))), dice)

    def count(self, rule: str = "root") -> int:
        return self._count(self._alternatives(iter(self._tokens(self.rules[rule]))))

    def _tokens(self, body: str) -> list[str]:
        tokens = [match.group(0).strip() for match in self.TOKEN.finditer(body)]
        assert "".join(tokens) == re.sub(r'("(?:[^"\\]|\\.)*")|\s', lambda m: m.group(1) or "", body)
        return tokens

    def _alternatives(self, tokens):
        options = [[]]
        for token in tokens:
            if token == "(":
                options[-1].append(self._alternatives(tokens))
            elif token == ")":
                return options
            elif token == "|":
                options.append([])
            else:
                options[-1].append(token)
        return options

    def _draw(self, options, dice: random.Random) -> str:
        return "".join(self._part(part, dice) for part in dice.choice(options))

    def _part(self, part, dice: random.Random) -> str:
        if isinstance(part, list):
            return self._draw(part, dice)
        return re.sub(r"\\(.)", r"\1", part[1:-1]) if part[0] == '"' else self.sample(dice, part)

    def _count(self, options) -> int:
        total = 0
        for option in options:
            ways = 1
            for part in option:
                ways *= self._count(part) if isinstance(part, list) else 1 if part[0] == '"' else self.count(part)
            total += ways
        return total


def ways(found) -> int:
    """How many texts the language has."""
    return sum(math.prod(len(alternatives) for alternatives in slots) for slots in plans(found))


@pytest.mark.parametrize(("task", "kind"), KINDS)
def test_grammar_and_language_are_the_same_set(task, kind):
    dice = random.Random(kind)
    for _ in range(5):
        found = finding(kind, dice)
        grammar = Gbnf(gbnf(found))
        texts = {grammar.sample(dice) for _ in range(60)}
        assert all(is_member(text, found) for text in texts)
        assert grammar.count() == ways(found)
        assert len(texts) > 12
        assert max(map(len, texts)) <= longest(found)


def test_the_language_is_finite_and_every_text_in_it_passes():
    found = finding("asystole", random.Random(1))
    texts = ["".join(parts) for slots in plans(found) for parts in itertools.product(*slots)]
    assert len(texts) == ways(found) == len(set(texts))
    assert all(refusal(text, found) is None for text in texts)
