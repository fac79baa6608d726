"""What `make install-check`, `arm-check`, `deb` and `deb-check` call."""

import argparse
import sys
from pathlib import Path

from installed import arm_check, install_check, package, package_check
from installed.debian import ROOT, Skipped, StepFailed
from installed.results import Results

LIMIT_S = 175.0 * arm_check.SLOWER


def main() -> int:
    """Run one check; 0 done or skipped with the reason, 1 failed, 2 usage."""
    parser = argparse.ArgumentParser(prog="python -m installed", allow_abbrev=False, description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    install = verbs.add_parser("install", help="both units in a container that boots its own systemd")
    install.add_argument("--from", dest="before", default="HEAD~1", metavar="REVISION", help="upgraded from it")
    arm = verbs.add_parser("arm", help="an emulated aarch64")
    arm.add_argument("--limit", type=float, default=LIMIT_S, metavar="SECONDS", help="of demo-check")
    packed = verbs.add_parser("package", help="a Debian package of what is committed")
    packed.add_argument("--out", type=Path, default=ROOT / ".build", metavar="FOLDER", help="where it is written to")
    tried = verbs.add_parser("package-check", help="that package in a container: install, upgrade, remove, purge")
    for verb in (install, arm, tried):
        verb.add_argument("--systems", type=Path, default=ROOT / ".build" / "systems", help="where they are kept")
    options = parser.parse_args()
    results = Results()
    try:
        if options.verb == "package":
            print(package.build(options.out.resolve()))
            return 0
        if options.verb == "package-check":
            package_check.check(folder=options.systems.resolve(), results=results)
        elif options.verb == "install":
            install_check.check(folder=options.systems.resolve(), before=options.before, results=results)
        else:
            arm_check.check(folder=options.systems.resolve(), limit_s=options.limit, results=results)
    except Skipped as reason:
        print(f"skipped: {reason}")
        return 0
    except StepFailed as error:
        print(f"{error}\n{results.table()}", file=sys.stderr)
        return 1
    print(results.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
