"""Write the JSON Schemas anew after an event class changed: `python -m tests.wire.write_schemas`."""

import json
from pathlib import Path

from biosignal.wire.envelope import schemas

for name, schema in schemas().items():
    Path(f"biosignal/wire/schemas/{name}.json").write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")
