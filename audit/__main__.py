"""``python -m audit sbom | validate | vulnerabilities``: what `make sbom` and `make audit` call."""

import argparse
import sys
from pathlib import Path

from audit.sbom import bill_of_materials, written
from audit.vulnerabilities import Unknown, known_vulnerabilities

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run one verb; 0 done, or skipped with the reason; 1 found something."""
    parser = argparse.ArgumentParser(prog="python -m audit", allow_abbrev=False, description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    bill = verbs.add_parser("sbom", help="write what this checkout is made of, as CycloneDX 1.6 in JSON")
    check = verbs.add_parser("validate", help="hold a written one to the schema of CycloneDX 1.6")
    for verb in (bill, check):
        verb.add_argument("--file", type=Path, default=ROOT / ".build" / "bedside.cdx.json")
    vulnerable = verbs.add_parser("vulnerabilities", help="ask PyPI what is known about pinned packages")
    vulnerable.add_argument("requirements", type=Path, nargs="+")
    options = parser.parse_args()
    if options.verb == "sbom":
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_text(written(bill_of_materials(ROOT)), encoding="utf-8")
        print(f"written: {options.file}")
        return 0
    if options.verb == "validate":
        return _validated(options.file)
    return _asked(options.requirements)


def _validated(file: Path) -> int:
    from cyclonedx.schema import SchemaVersion  # of `make audit` only
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text(encoding="utf-8"))
    if error is not None:
        print(f"{file} does not keep to the schema of CycloneDX 1.6: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    print(f"{file} keeps to the schema of CycloneDX 1.6")
    return 0


def _asked(requirements: list[Path]) -> int:
    try:
        found = known_vulnerabilities(requirements)
    except Unknown as why:
        print(f"SKIPPED, nothing is known either way: {why}\nTry: make audit where pypi.org can be reached")
        return 0
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(found)} known vulnerabilities in {', '.join(str(file) for file in requirements)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
