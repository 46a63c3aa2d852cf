"""`python -m tests.simulation --seed 7 --ops 100000`: try to break it. Status 1 when it was broken."""

import argparse
import secrets
import sys

from tests.simulation.prove import explained, prove, summary


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--ops", type=int, default=3_000)
    parser.add_argument("--brief", action="store_true", help="one line, for the mutations")
    wanted = parser.parse_args()
    report = prove(wanted.seed, wanted.ops)
    if wanted.brief:
        say(f"{report.operations}\t{report.violation or ''}")
    else:
        for line in summary(report):
            say(line)
        for line in explained(report.broken) if report.broken else ():
            say(line)
    return 1 if report.broken else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
