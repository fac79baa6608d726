"""When an older clinic is asked again, decided without a line."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sync.outdated import MOST_S, OutdatedClinic

OLD = "unknown schema version, schema=2"


def reject(clinic, keys, now_s, reason=OLD):
    clinic.note_receipt((), [(*key, reason) for key in keys], now_s)


def ask(clinic, keys, now_s):
    assert clinic.rows_to_ask(now_s) == 4
    clinic.note_asked(keys)


def test_it_is_asked_at_growing_intervals_of_ten_minutes_at_most():
    clinic = OutdatedClinic(few=4, first_s=15.0)
    reject(clinic, [("a", 0)], 0.0)
    asked, now_s = [], 0.0
    while now_s < 4000:
        now_s += 1.0
        if clinic.rows_to_ask(now_s):
            asked.append(now_s)
            clinic.note_asked([("a", 0)])
            reject(clinic, [("a", 0)], now_s)
    waits = [later - earlier for earlier, later in zip([0.0, *asked], asked, strict=False)]
    assert waits[:6] == [15.0, 30.0, 60.0, 120.0, 240.0, 480.0]
    assert max(waits) == MOST_S


def test_new_rejections_do_not_put_the_next_question_off():
    clinic = OutdatedClinic(few=4, first_s=15.0)
    for second in range(15):
        reject(clinic, [(f"n{second}", 0)], float(second))
        assert clinic.rows_to_ask(second + 0.5) == 0
    assert clinic.rows_to_ask(15.0) == 4


def test_a_new_connection_is_asked_at_once():
    clinic = OutdatedClinic(few=4, first_s=15.0)
    reject(clinic, [("a", 0)], 0.0)
    assert clinic.rows_to_ask(1.0) == 0
    clinic.note_connected()
    assert clinic.rows_to_ask(1.0) == 4


def test_once_it_reads_everything_is_sent_a_few_at_a_time():
    clinic = OutdatedClinic(few=4, first_s=15.0)
    reject(clinic, [("a", 0)], 0.0)
    ask(clinic, [("a", 0), ("b", 0)], 15.0)
    clinic.note_receipt([("a", 0)], (), 15.1)
    assert clinic.reason is None
    assert clinic.rows_to_ask(15.1) == 0  # one is still on its way
    clinic.note_receipt([("b", 0)], (), 15.2)
    ask(clinic, [("c", 0)], 15.2)
    clinic.note_receipt([("c", 0)], (), 15.3)
    ask(clinic, [], 15.3)
    assert clinic.rows_to_ask(15.4) == 0


def test_a_row_rejected_for_another_reason_was_read():
    clinic = OutdatedClinic(few=4, first_s=15.0)
    reject(clinic, [("a", 0)], 0.0)
    ask(clinic, [("a", 0)], 15.0)
    reject(clinic, [("a", 0)], 15.1, "the id belongs to another device")
    assert clinic.reason is None


keys = st.sampled_from([("a", 0), ("b", 0), ("c", 1)])
steps = st.one_of(
    st.tuples(st.just("ask"), st.lists(keys, max_size=3)),
    st.tuples(st.just("commit"), st.lists(keys, max_size=3)),
    st.tuples(st.just("reject"), st.lists(keys, max_size=3)),
    st.tuples(st.just("connect"), st.just([])),
)


@given(st.lists(st.tuples(steps, st.floats(0, 30)), max_size=40))
def test_whatever_happens_it_is_asked_again_within_ten_minutes(history):
    clinic, now_s, on_their_way = OutdatedClinic(few=4, first_s=15.0), 0.0, set()
    for (what, named), later_s in history:
        now_s += later_s
        if what == "ask" and clinic.rows_to_ask(now_s):
            clinic.note_asked(named)
            on_their_way = set(named)
        elif what == "commit":
            clinic.note_receipt(named, (), now_s)
            on_their_way -= set(named)
        elif what == "reject":
            reject(clinic, named, now_s)
            on_their_way -= set(named)
        elif what == "connect":
            clinic.note_connected()
    reject(clinic, on_their_way, now_s)
    assert clinic.rows_to_ask(now_s + MOST_S) == 4
