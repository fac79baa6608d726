"""Writes the fingerprints anew (``python -m tests.synthetic.write_expected``), after GENERATOR was counted up."""

import json

from biosignal.synthetic.scenarios import SCENARIOS
from tests.synthetic.test_determinism import EXPECTED, fingerprint

EXPECTED.write_text(json.dumps({name: fingerprint(name) for name in SCENARIOS}, indent=1) + "\n")
