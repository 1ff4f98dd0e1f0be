#!/usr/bin/python3
"""Hours under load, and what could refute the promises: crashes, power cuts, errors of the system, full disks, hostile trees.

    ./run.sh soak                     all verbs, one after the other
    ./run.sh soak VERB... [options]   kill powercut faults disks store hostile writers clock fuzz long

    --rounds N     of kill (100), powercut (20), store (5)      --seed N      repeats a round: it is printed with each
    --tickets N    of a backlog (5,000)                 --minutes N   of long (60)
    --disk         long on a disk, not in memory
    --runs N       of each fuzz target (1,000,000)      --only TEXT   only what holds it in its name: faults, disks, store, fuzz

Needs root for power cuts, disks, devices and users; what cannot be had is said and left out. A round that fails keeps its folder and says
where it is. Ends with 1 where any round failed. SHUNT_BIN names another program to test.
"""
import argparse
import importlib
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

VERBS = {"kill": "kill", "powercut": "powercut", "faults": "faults", "disks": "disks", "store": "stores", "hostile": "hostile", "writers": "writers",
         "clock": "clocks", "time": "clocks", "fuzz": "fuzzing", "long": "longrun"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verbs", nargs="*", metavar="VERB")
    for name in ("rounds", "seed", "tickets", "runs"):
        parser.add_argument("--" + name, type=int)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--disk", action="store_true")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    for verb in args.verbs:
        if verb not in VERBS:
            parser.error("no such verb: %s (%s)" % (verb, " ".join(VERBS)))
    args.verbs = args.verbs or [verb for verb in VERBS if verb != "time"]
    return args


def main():
    args = arguments()
    print("shunt: %s" % common.shunt.BIN, flush=True)
    reports, left_out = [], []
    for verb in args.verbs:
        try:
            reports.append(importlib.import_module(VERBS[verb]).soak(args))
        except common.CannotHere as why:
            left_out.append("%-9s left out: %s" % (verb, why))
            print(left_out[-1], flush=True)
    print("\n" + "\n".join([report.line() for report in reports] + left_out))
    return 1 if any(report.bad for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
