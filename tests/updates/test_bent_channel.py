"""Whatever somebody makes of the model channel's bytes, a device refuses it by name or has what was signed."""

from tests.updates.bent_channel import try_channel


def test_a_bent_channel_is_refused_and_does_no_lasting_harm(repository, server, make_client, tmp_path):
    ends = try_channel(repository, server, make_client, tmp_path, 60)
    assert {"SignatureWrong", "TargetDamaged"} <= set(ends)
