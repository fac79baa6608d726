"""A plan is believed only under its whole key and with this device's seal."""

import resource
import signal
from dataclasses import fields, replace

import pytest

from edge_agent.inference.engine_cache import CacheUnusable, EngineCache, Ingredients, ingredients
from tests.bundles import bundle_files, make_bundle

FACTS = {
    "tensorrt": "10.3.0",
    "cuda": "12.6.0",
    "driver": "540.4.0",
    "driver_cuda": 12060,
    "gpu": "Orin",
    "compute_capability": "8.7",
    "sm_count": 8,
}
KEY, OTHER = "a" * 64, "b" * 64


def collect(facts=FACTS, **bundle) -> Ingredients:
    return ingredients(make_bundle(**bundle), facts, max_batch=8, workspace_bytes=1 << 20)


def test_the_key_is_the_same_for_the_same_device_and_bundle():
    assert collect().key() == collect().key()


@pytest.mark.parametrize("name", [field.name for field in fields(Ingredients)])
def test_each_ingredient_changes_the_key(name):
    whole = collect()
    value = getattr(whole, name)
    other = {"int": lambda: value + 1, "str": lambda: value + "x", "tuple": lambda: (*value, "x")}.get(
        type(value).__name__, lambda: {**value, "beat": ((1, 1),)}
    )()
    assert replace(whole, **{name: other}).key() != whole.key()


@pytest.mark.parametrize("fact", sorted(FACTS))
def test_each_fact_of_the_device_changes_the_key(fact):
    assert collect({**FACTS, fact: 99}).key() != collect().key()


def test_other_weights_and_other_golden_vectors_change_the_key():
    assert len({collect().key(), collect(seed=1).key(), collect(golden_windows=2).key()}) == 3


def test_plans_of_one_gpu_share_their_timing_cache():
    assert collect().timing_key() == collect(seed=1).timing_key()
    assert collect().timing_key() != collect({**FACTS, "tensorrt": "11.4.1"}).timing_key()


def test_an_entry_comes_back_after_a_restart(tmp_path):
    EngineCache(tmp_path / "engines").store(KEY, b"plan")
    assert EngineCache(tmp_path / "engines").find(KEY) == b"plan"
    assert EngineCache(tmp_path / "engines").find(OTHER) is None


def spoil(cache_dir, how):
    plan, seal = cache_dir / f"{KEY}.plan", cache_dir / f"{KEY}.plan.hmac"
    if how == "flipped":
        plan.write_bytes(b"plaN")
    elif how == "cut":
        plan.write_bytes(b"pla")
    elif how == "seal cut":
        seal.write_bytes(seal.read_bytes()[:-1])
    elif how == "no seal":
        seal.unlink()
    elif how == "other device":
        (cache_dir / "device.key").write_bytes(b"k" * 32)
    else:
        (cache_dir / "device.key").chmod(0o644)


@pytest.mark.parametrize("how", ["flipped", "cut", "seal cut", "no seal", "other device", "key was readable"])
def test_an_entry_that_does_not_verify_is_set_aside_and_kept(tmp_path, how):
    EngineCache(tmp_path).store(KEY, b"plan")
    spoil(tmp_path, how)
    cache = EngineCache(tmp_path)
    assert cache.find(KEY) is None
    assert cache.reasons() == ["its seal does not match"]
    assert len(list((tmp_path / "aside").glob("*.entry"))) == 1
    cache.store(KEY, b"new plan")
    assert cache.find(KEY) == b"new plan"


def test_an_entry_moved_to_another_key_or_kind_is_not_believed(tmp_path):
    cache = EngineCache(tmp_path)
    cache.store(KEY, b"plan")
    for end in ("plan", "plan.hmac"):
        (tmp_path / f"{OTHER}.{end}").write_bytes((tmp_path / f"{KEY}.{end}").read_bytes())
        (tmp_path / f"{KEY}.{end.replace('plan', 'timing')}").write_bytes((tmp_path / f"{KEY}.{end}").read_bytes())
    assert cache.find(OTHER) is None
    assert cache.find(KEY, "timing") is None
    assert cache.find(KEY) == b"plan"


def test_the_device_key_is_private_and_stays(tmp_path):
    EngineCache(tmp_path)
    key = tmp_path / "device.key"
    first = key.read_bytes()
    EngineCache(tmp_path)
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes() == first
    assert len(first) == 32


def test_a_crash_while_writing_leaves_the_old_entry_or_none(tmp_path):
    cache = EngineCache(tmp_path)
    cache.store(KEY, b"plan")
    (tmp_path / f".{KEY}.plan.1.new").write_bytes(b"half a pl")
    assert cache.find(KEY) == b"plan"


def test_only_the_newest_entries_stay(tmp_path):
    cache = EngineCache(tmp_path, entries=2)
    for letter in "abcd":
        cache.store(letter * 64, b"plan")
    assert sorted(path.name[0] for path in tmp_path.glob("*.plan")) == ["c", "d"]
    assert len(list(tmp_path.glob("*.hmac"))) == 2


def test_what_was_set_aside_is_bounded_and_says_why(tmp_path):
    cache = EngineCache(tmp_path, aside=2)
    for number in range(5):
        cache.store(KEY, b"plan")
        cache.set_aside(KEY, f"reason {number}")
    assert cache.reasons() == ["reason 3", "reason 4"]
    assert len(list((tmp_path / "aside").glob("*.entry"))) == 2


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheUnusable, match="cannot be used") as barred:
        EngineCache(tmp_path / "file" / "engines")
    assert "cache_dir" in barred.value.advice


def test_a_disk_that_is_full_costs_the_entry_and_nothing_else(tmp_path):
    cache = EngineCache(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        assert not cache.store(KEY, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert cache.find(KEY) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aside", "device.key"]
    assert cache.store(KEY, bytes(5000))


def test_the_bundle_files_alone_decide_nothing_about_the_device():
    assert bundle_files() == bundle_files()
    assert collect(version="1.0.1").key() == collect().key()
