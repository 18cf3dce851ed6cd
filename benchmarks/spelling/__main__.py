"""What is suggested for misspelt words, beside Debian's aspell: ``python -m benchmarks.spelling``.

    python -m benchmarks.spelling [--languages en,de] [--list FILE] [--engines lists,hunspell,aspell] [--keep]

Each engine is asked for each word of a list, on this machine, one after the other. A list has two columns with a tab
between, the wrong word and the right one; lines with # are left out. Without ``--list`` it is ``en.tsv`` and ``de.tsv``
beside this module. Of each engine it prints how many of the wrong words it marks, how often the right one is the
first suggestion or among the first five, and how long the suggestions take: 95 of 100 within that many milliseconds.
aspell: apt-get install aspell aspell-en aspell-de; Hunspell: requirements-hunspell.txt, hunspell-en-us hunspell-de-de.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from apps.spellcheck.engines import hunspell, words
from apps.spellcheck.engines.dictionary import Dictionary
from apps.spellcheck.engines.speller import Speller
from apps.spellcheck.engines.wordlist import WordList

HERE = Path(__file__).resolve().parent
EVIDENCE = HERE.parents[1] / "docs" / "evidence"
BUDGET = 0.25  # seconds, as on the site
PATIENCE = 30.0  # seconds, for what was meant at all
FIRST = 5
HEADING = (
    f"{'':<4}{'engine':<26}{'words':>6}{'marked':>9}{'first':>9}{'in five':>9}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}"
)
Pairs = list[tuple[str, str]]


@dataclass
class Result:
    marked: int = 0
    first: int = 0
    among: int = 0
    times: list[float] = field(default_factory=list)

    def row(self, language: str, name: str) -> str:
        count, times = len(self.times), sorted(self.times)
        shares = "".join(f"{100 * n / count:>8.1f}%" for n in (self.marked, self.first, self.among))
        at = [times[min(count - 1, int(count * part))] for part in (0.5, 0.95, 1.0)]
        return f"{language:<4}{name:<26}{count:>6}{shares}" + "".join(f"{1000 * each:>9.1f}" for each in at)


#: Whether a word is right, and what may have been meant.
Ask = Callable[[str], tuple[bool, Sequence[str]]]


def read(path: Path) -> Pairs:
    lines = path.read_text("utf-8").splitlines()
    pairs = [tuple(line.split("\t")[:2]) for line in lines if line.strip() and not line.startswith("#")]
    wrong = [pair for pair in pairs if len(pair) != 2]
    if wrong:
        raise SystemExit(f"{path}: two columns with a tab between, not {wrong[0]}")
    return [(one.strip(), other.strip()) for one, other in pairs]


def measure(ask: Ask, pairs: Pairs) -> Result:
    result = Result()
    for wrong, right in pairs:
        began = time.perf_counter()
        known, suggestions = ask(wrong)
        result.times.append(time.perf_counter() - began)
        result.marked += not known
        # Capitals are no matter: dictionaries of small letters take those of the word.
        found = [each.casefold() for each in suggestions]
        result.first += found[:1] == [right.casefold()]
        result.among += right.casefold() in found[:FIRST]
    return result


def ours(speller: Speller, language: str) -> Ask:
    """As the site asks, but without what it keeps, and with as long as it takes."""

    def ask(word: str) -> tuple[bool, Sequence[str]]:
        plain = words.plain(word)
        found = speller.suggest(language, plain, budget=PATIENCE)
        return speller.knows(language, plain), found.words

    speller.suggest(language, "xqzzkj", budget=PATIENCE)  # reads the dictionaries
    return ask


class Aspell:
    """One process for all words (aspell -a): "& wrong 3 0: one, two" or "*"."""

    def __init__(self, language: str) -> None:
        command = ["aspell", "-a", f"--lang={language}", "--encoding=utf-8", "--sug-mode=normal"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self.version = self._out.readline().strip()

    def ask(self, word: str) -> tuple[bool, Sequence[str]]:
        self._in.write(f"^{word}\n")
        self._in.flush()
        answers = []
        while line := self._out.readline().strip():
            answers.append(line)
        if not answers or answers[0][0] in "*+-":
            return True, ()
        return False, answers[0].partition(": ")[2].split(", ") if answers[0][0] == "&" else ()

    def close(self) -> None:
        self._in.close()
        self._out.close()
        self._process.wait()


class _Plain(Speller):
    """With pyspellchecker's dictionaries alone."""

    def _open(self, language: str) -> Dictionary:
        return WordList(language)


def engines(language: str, wanted: Sequence[str]) -> Iterator[tuple[str, Ask | str]]:
    """Each with how it is asked, or why it cannot be."""
    if "lists" in wanted:
        yield "pyspellchecker, bounded", ours(_Plain(), language)
    if "hunspell" in wanted:
        there = language in hunspell.dictionaries()
        yield "Hunspell (chunspell)", ours(Speller(), language) if there else "not installed"
    if "aspell" in wanted:
        if shutil.which("aspell") is None:
            yield "aspell", "not installed"
            return
        aspell = Aspell(language)
        try:
            yield "aspell", aspell.ask
        finally:
            aspell.close()


def table(arguments: argparse.Namespace) -> Iterator[str]:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    yield f"{platform.machine()}, {python}, {datetime.now(UTC):%Y-%m-%d}"
    if shutil.which("aspell"):
        yield subprocess.run(["aspell", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    yield HEADING
    for language in arguments.languages.split(","):
        path = Path(arguments.list) if arguments.list else HERE / f"{language}.tsv"
        pairs = read(path)
        if arguments.words:
            pairs = pairs[:: max(1, len(pairs) // arguments.words)]
        for name, ask in engines(language, arguments.engines.split(",")):
            yield f"{language:<4}{name:<26}{ask}" if isinstance(ask, str) else measure(ask, pairs).row(language, name)


def main(given: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spelling", description=__doc__)
    parser.add_argument("--languages", default="en,de")
    parser.add_argument("--list", default="", help="a file of two columns, for one language")
    parser.add_argument("--engines", default="lists,hunspell,aspell")
    parser.add_argument("--words", type=int, default=0, help="about so many of a list, evenly drawn; 0: all")
    parser.add_argument("--keep", action="store_true", help="write docs/evidence/, too")
    arguments = parser.parse_args(given)
    lines = []
    for line in table(arguments):
        print(line, flush=True)
        lines.append(line)
    if arguments.keep:
        (EVIDENCE / f"spelling-{datetime.now(UTC):%Y-%m-%d}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
