"""Bring the catalogues up to date: `make languages`, or ``python -m plugin.translations [CODE]`` to begin a new one."""

from __future__ import annotations

import sys

from babel import Locale, UnknownLocaleError

from plugin.languages import CATALOGUES
from plugin.translations import collecting


def main(given: list[str]) -> int:
    """Collect every sentence into every catalogue, and say what each still lacks."""
    sentences = collecting.collect()
    for code in given:
        try:
            Locale.parse(code)
        except (UnknownLocaleError, ValueError):
            print(
                f"{code!r} is no language that the CLDR knows. Name one by its code, such as tr or de.", file=sys.stderr
            )
            return 2
        (CATALOGUES / f"{code}.po").touch()
    for file in sorted(CATALOGUES.glob("*.po")):
        missing = collecting.update(file, sentences)
        print(f"{file.stem}: {len(sentences)} sentences, {missing} of them without words yet")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
