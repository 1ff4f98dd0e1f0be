"""What tells a user how to use it: help, the manual's pages, completion in real shells."""
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from shunt import BIN, SCALE, TOP

PAGES = ("shunt.1", "shunt.ini.5", "routes.ini.5")
COMMANDS = ("run", "once", "check", "explain", "status", "list", "show", "top", "failed", "retry", "reset", "cancel", "hold", "release", "verify", "schedule", "store", "token", "report", "mail", "help", "completion",
            "manual")


def needs(tool):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=tool + " is not installed")


def shunt(*args):
    result = subprocess.run([str(BIN), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60 * SCALE)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def printed(*args):
    code, out, err = shunt(*args)
    assert code == 0 and not err, err
    return out


# --- help ---

def test_help_names_the_commands_and_each_tells_of_itself():
    overview = printed("help")
    assert overview == printed("--help")
    for command in COMMANDS:
        assert re.search(r"^  %s\b" % command, overview, re.M)
        text = printed("help", command)
        assert text == printed(command, "--help") == printed("--help", command)
        assert text.startswith("usage: shunt " + command)
        assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("words, told", [
    (["chekc"], "did you mean check?"),
    (["help", "stauts"], "did you mean status?"),
    (["once", "--jsno", "x"], "did you mean --json?"),
    (["manual", "shunt1"], "did you mean shunt.1?"),
    (["run", "--print-config"], "run: there is no option --print-config"),
    (["explain"], "explain needs FILE"),
])
def test_a_mistyped_line_is_refused_with_what_was_meant(words, told):
    code, out, err = shunt(*words)
    assert code == 2 and not out
    assert told in err.splitlines()[0]
    assert "usage: shunt" in err and "shunt help" in err


def test_a_full_disk_is_told():
    with open("/dev/full", "wb") as full:
        result = subprocess.run([str(BIN), "manual", "shunt.1"], stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 1 and b"No space left" in result.stderr


# --- the documents ---

def test_the_reference_of_the_settings_is_what_the_program_prints():
    text = (TOP / "doc/settings.md").read_text()
    begin, end = "<!-- settings: written by `shunt check --reference` -->\n", "<!-- /settings -->"
    assert text.count(begin) == text.count(end) == 1
    assert text.split(begin)[1].split(end)[0] == printed("check", "--reference").rstrip("\n") + "\n"


def test_links_between_documents_lead_somewhere():
    documents = [TOP / "README.md", TOP / "CONTRIBUTING.md", *(TOP / "doc").glob("*.md")]
    headings = {d: [re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in re.findall(r"^#+ (.*)", d.read_text(), re.M)]
                for d in documents}
    for document in documents:
        for link in re.findall(r"\]\((?!http)([^)]+)\)", document.read_text()):
            path, _, heading = link.partition("#")
            there = (document.parent / path).resolve() if path else document
            assert there.exists(), (document.name, link)
            assert not heading or heading in headings[there], (document.name, link)


# --- the manual ---

def page(name, tmp_path):
    path = tmp_path / name
    path.write_text(printed("manual", name))
    return path


def rendered(name, tmp_path):
    """As a reader sees it on a terminal of 80 columns; warnings of the formatter are faults."""
    environment = dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8", MANROFFOPT="-rHY=0")
    result = subprocess.run(["man", "--warnings", "-l", str(page(name, tmp_path))], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            stdin=subprocess.DEVNULL, env=environment)
    assert result.returncode == 0 and not result.stderr, result.stderr
    return result.stdout.decode()


@needs("mandoc")
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_well_formed(name, tmp_path):
    result = subprocess.run(["mandoc", "-T", "lint", str(page(name, tmp_path))], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0 and not result.stdout, result.stdout.decode()


@needs("man")
def test_the_programs_page_has_every_section_command_and_option(tmp_path):
    text = rendered("shunt.1", tmp_path)
    headings = re.findall(r"^([A-Z][A-Z ]+)$", text, re.M)
    assert headings == ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "SIGNALS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES",
                        "SEE ALSO"]
    for command in COMMANDS:
        assert re.search(r"^   %s$" % command, text, re.M)
        for option in re.findall(r"^  (?:-.,|   ) (--[a-z-]+)", printed("help", command), re.M):
            assert re.search(r"^       (-., )?%s\b" % option, text, re.M), option


@needs("man")
def test_every_setting_is_on_its_page_with_default_and_range(tmp_path):
    text = rendered("shunt.ini.5", tmp_path)
    section, count = None, 0
    for line in printed("check", "--reference").splitlines():
        if line.startswith("### "):
            section = text.split("\n   " + line[4:] + "\n", 1)[1]
        row = re.match(r"\| `(\w+)` \| (.*?) \| (.*?) \| (.*) \|$", line)
        if row:
            key, default, values, _ = row.groups()
            found = re.search(r"^       %s\b(.*?)(?=^       \w|^\w|^   \[)" % key, section, re.M | re.S)
            entry = " ".join(found.group(1).split())
            assert "Takes: %s." % values.replace("`", "") in entry, key
            assert "Default: %s." % default.strip("()`") in entry, key
            count += 1
    assert count > 40


@needs("man")
def test_the_routes_page_shows_a_table_that_is_good(tmp_path):
    text = rendered("routes.ini.5", tmp_path)
    for key in ("path", "label", "driver", "mode", "owner", "group", "conflict", "concurrency", "create", "mount", "client", "category", "studio",
                "title", "to"):
        assert re.search(r"^       %s\b" % key, text, re.M), key
    example = re.search(r"as a sample:\n\n(.*?)\nSEE ALSO", text, re.S).group(1)
    (tmp_path / "routes.ini").write_text(re.sub(r"^       ", "", example, flags=re.M))
    (tmp_path / "shunt.ini").write_text("[service]\ndata = .\n")
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    shutil.copy(TOP / "etc" / "routes.ini", shipped)
    (shipped / "shunt.ini").write_text("[service]\ndata = .\n")

    def matrix(folder):
        return printed("check", "-c", str(folder / "shunt.ini")).split("\n\n")[1]

    assert "BISSELL" in matrix(shipped) and matrix(tmp_path) == matrix(shipped)


@needs("man")
@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_a_terminal(name, tmp_path):
    assert max(map(len, rendered(name, tmp_path).splitlines())) <= 80


# --- completion ---

def bash(words, tmp_path):
    """COMPREPLY for the words behind "shunt", the cursor at the end of the last, as bash splits them."""
    script = tmp_path / "shunt.bash"
    script.write_text(printed("completion", "bash"))
    result = subprocess.run(["bash", "--norc", "-u", "-c", '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shunt; printf "%s\\n" "${COMPREPLY[@]}"',
                             str(script), "shunt", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert not result.stderr, result.stderr
    return result.stdout.decode().split()


GENERAL = ["--config", "--log-level", "--help", "--version"]


@needs("bash")
@pytest.mark.parametrize("words, offered", [
    ([""], list(COMMANDS)),
    (["c"], ["check", "cancel", "completion"]),
    (["-c", "x.ini", "st"], ["status", "store"]),
    (["--log-level", "=", "warn", "st"], ["status", "store"]),
    (["-"], GENERAL),
    (["status", "-"], ["--json", "--quiet"] + GENERAL),
    (["check", "--p"], ["--print-config"]),
    (["check", "--print-config", "--r"], ["--reference"]),
    (["run", "--log-level", ""], ["debug", "info", "warn", "error"]),
    (["run", "--log-level", "=", "w"], ["warn"]),
    (["run", "--log-level", "="], ["debug", "info", "warn", "error"]),
    (["run", ""], []),
    (["once", "--client", "r"], []),
    (["help", "ex"], ["explain"]),
    (["help", "run", ""], []),
    (["manual", ""], list(PAGES)),
    (["completion", "--help", "z"], ["zsh"]),
    (["nonsense", ""], []),
])
def test_bash_offers(words, offered, tmp_path):
    assert bash(words, tmp_path) == offered


@needs("bash")
@pytest.mark.parametrize("command", COMMANDS)
def test_bash_offers_the_options_that_help_tells(command, tmp_path):
    told = re.findall(r"^  (?:-.,|   ) (--[a-z-]+)", printed("help", command), re.M)
    assert bash([command, "-"], tmp_path) == told


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, command, folder):
        environment = {"PATH": "%s:%s" % (BIN.parent, os.environ["PATH"]), "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        self.seen = ""

    def read_until(self, text):
        end = time.monotonic() + 20 * SCALE
        while text not in self.seen:
            assert time.monotonic() < end, "%r does not come: %r" % (text, self.seen)
            if select.select([self.fd], [], [], 0.1)[0]:
                self.seen += os.read(self.fd, 4096).decode(errors="replace").replace("\r", "").replace("\a", "")

    def type(self, text):
        self.seen = ""
        os.write(self.fd, text.encode())

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ". <(shunt completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; . <(shunt completion zsh)"),
    "zsh from its folder": (["zsh", "-f", "-i"], "shunt completion zsh >_shunt; fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D"),
}


@pytest.fixture(params=list(SHELLS))
def shell(request, tmp_path):
    command, load = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(command[0] + " is not installed")
    terminal = Terminal(command, tmp_path)
    # Quotes in what is typed, so that its echo is not taken for the answer.
    terminal.type(load + "; echo load''ed\n")
    terminal.read_until("loaded\n")
    yield terminal
    terminal.close()


def test_the_tabulator_key_completes(shell, tmp_path):
    (tmp_path / "only here.json").write_text("{}")
    for typed, becomes in (("shunt exp\t", "shunt explain "), ("shunt check --pr\t", "--print-config "), ("shunt run --log-level w\t", "--log-level warn "),
                           ("shunt manual r\t", "routes.ini.5 "), ("shunt -c x status --q\t", "status --quiet "),
                           ("shunt once --json only\t", "only\\ here.json "), ("shunt help sta\t", "help status ")):
        shell.type(typed)
        shell.read_until(becomes)
        shell.type("\x15")  # the line is dropped
