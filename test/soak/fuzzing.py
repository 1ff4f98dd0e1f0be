"""The libFuzzer targets of test/fuzz, built by clang with sanitizers, from a copy of their corpus."""
import os
import re
import shutil
import subprocess

from common import TOP, CannotHere, Report, folder_for

RUNS = 1000000


def build(report):
    if not shutil.which("clang"):
        raise CannotHere("clang is not installed")
    names = sorted(path.stem for path in (TOP / "test" / "fuzz").glob("fuzz_*.c"))
    for command in (["cmake", "--preset", "fuzz"],
                    ["cmake", "--build", "--preset", "fuzz", "--parallel", str(os.cpu_count() or 1), "--target", *names]):
        result = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if result.returncode != 0:
            report.fail("build", result.stdout.decode(errors="replace")[-3000:])
            return []
    return [next((TOP / "build" / "fuzz").rglob(name)) for name in names]


def one_target(path, runs, seed):
    name = path.name[len("fuzz_"):]
    work = folder_for(True)
    corpus, found = work / "corpus", work / "found"
    shutil.copytree(TOP / "test" / "fuzz" / "corpus" / name, corpus)
    found.mkdir()
    command = [str(path), "-runs=%d" % runs, "-artifact_prefix=%s/" % found, "-print_final_stats=1", "-timeout=10", "-rss_limit_mb=4096", str(corpus)]
    if seed is not None:
        command.insert(1, "-seed=%d" % seed)
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=work)
    text = result.stdout.decode(errors="replace")
    done = re.search(r"number_of_executed_units: (\d+)", text)
    crashes = sorted(p.name for p in found.iterdir())
    assert result.returncode == 0 and not crashes, "%d crashes: %s\n%s\nkept: %s" % (len(crashes), crashes, text[-4000:], work)
    counted = int(done.group(1)) if done else 0
    assert counted >= runs, "only %d runs\n%s" % (counted, text[-2000:])
    inputs = sum(1 for _ in corpus.iterdir())
    shutil.rmtree(work)
    return counted, inputs


def soak(args):
    report = Report("fuzz")
    total = 0
    for path in build(report):
        if args.only not in path.name:
            continue
        with report.round(path.name) as said:
            runs, inputs = one_target(path, args.runs or RUNS, args.seed)
            total += runs
            said += ["%d runs" % runs, "0 crashes", "%d inputs in the corpus" % inputs]
    report.note("%d runs, %d targets with crashes" % (total, len(report.bad)))
    return report
