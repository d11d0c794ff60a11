"""Charts as small pieces of SVG, drawn by the server.

They hold shapes and no words: every number that a chart shows stands in a table beside it, where it can be read,
copied and spoken. Colours come from the stylesheet, so charts follow the light and the dark, and a right-to-left
page mirrors them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import cos, pi, sin

from markupsafe import Markup

# The height of a column chart in its own units; the width of a column, with the space after it.
TALL = 48
COLUMN = 8
GAP = 2

# The height of a chart of bands in its own units, and the share of the fullest slot that its bands fill.
SLOTS_TALL = 240
FILLED = 0.8

# A value above zero is never drawn as nothing.
LEAST = 1.0

# A wheel in its own units: its ring from one radius to the other, the space between two of its parts and the least
# part in degrees, and how wide the widest of its arrows is.
OUTER, INNER = 100.0, 76.0
SPACE, LEAST_PART = 2.0, 5.0
WIDEST = 9.0


def bar(value: int, most: int, *, kind: str = "") -> Markup:
    """One bar of a bar chart, as long as `value` is of `most`.

    Decoration: the row that it stands in says the number.
    """
    length = _part(value, most, 100)
    return Markup(
        '<svg class="bar {}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="track" width="100" height="8"/><rect class="value" width="{}" height="8"/></svg>'
    ).format(kind, length)


def columns(values: Sequence[int], label: str, most: int | None = None) -> Markup:
    """A column for each value, in their order. `label` says in words what the picture shows; `most` is the value of
    the whole height, for charts that are compared: the greatest, if it is not given.
    """
    most, wide = max(values, default=0) if most is None else most, len(values) * COLUMN - GAP
    shapes = Markup("").join(_column(place, value, most) for place, value in enumerate(values))
    return Markup(
        '<svg class="columns" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}" '
        'focusable="false">{}</svg>'
    ).format(wide, TALL, label, shapes)


def bands(streams: Sequence[tuple[int, int, int, str]], slots: tuple[int, int], label: str) -> Markup:
    """Bands that lead from slots on the left to slots on the right, as thick as their values: (slot on the left, slot
    on the right, value, kind). Both sides are as tall; `slots` is how many each has. `label` says in words what the
    picture shows; the names of the slots stand beside it.
    """
    room = tuple(SLOTS_TALL / count for count in slots)
    sums = [
        [sum(stream[2] for stream in streams if stream[side] == slot) for slot in range(slots[side])] for side in (0, 1)
    ]
    most = max((total / room[side] for side in (0, 1) for total in sums[side]), default=0) or 1
    at = [
        [room[side] * (slot + 0.5) - total / most * FILLED / 2 for slot, total in enumerate(sums[side])]
        for side in (0, 1)
    ]
    shapes = list[Markup]()
    for left, right, value, kind in streams:
        thick = value / most * FILLED
        shapes.append(_band(at[0][left], at[1][right], max(thick, LEAST), kind))
        at[0][left] += thick
        at[1][right] += thick
    return Markup(
        '<svg class="bands" viewBox="0 0 100 {}" preserveAspectRatio="none" role="img" aria-label="{}" '
        'focusable="false">{}</svg>'
    ).format(SLOTS_TALL, label, Markup("").join(shapes))


def _band(left: float, right: float, thick: float, kind: str) -> Markup:
    upper, lower = (_short(left), _short(right)), (_short(left + thick), _short(right + thick))
    return Markup('<path class="value {}" d="M0 {}C50 {} 50 {} 100 {}L100 {}C50 {} 50 {} 0 {}Z"/>').format(
        kind, upper[0], upper[0], upper[1], upper[1], lower[1], lower[1], lower[0], lower[0]
    )


def wheel(
    parts: Sequence[tuple[str, int]], streams: Sequence[tuple[int, int, int]], label: str, *, mirrored: bool = False
) -> Markup:
    """A ring of parts in their order, clockwise from the top: (kind, value), each as long as its value; and arrows
    across it, as wide as theirs: (part that it leaves, -1 from outside; part that it comes to, value). `mirrored` goes
    the other way round, for readers from right to left.
    """
    turn = -1.0 if mirrored else 1.0
    spans = _spans([value for _, value in parts])
    ring = Markup("").join(
        Markup('<path class="part {}" d="{}"/>').format(kind, _arc(start, end, turn))
        for (kind, _), (start, end) in zip(parts, spans, strict=True)
    )
    most = max((value for *_, value in streams), default=0) or 1
    middles = [(start + end) / 2 for start, end in spans]
    arrows = Markup("").join(
        Markup('<path class="stream {}" d="{}"/>').format(
            parts[to][0],
            _arrow(middles[left] if left >= 0 else None, middles[to], max(LEAST, WIDEST * value / most), turn),
        )
        for left, to, value in streams
    )
    return Markup(
        '<svg class="wheel" viewBox="-124 -124 248 248" role="img" aria-label="{}" focusable="false">{}{}</svg>'
    ).format(label, ring, arrows)


def _spans(values: Sequence[int]) -> list[tuple[float, float]]:
    """Where each part of a wheel begins and ends, in degrees from the top. None is too short to be seen."""
    whole, room = sum(values) or 1, 360 - len(values) * (SPACE + LEAST_PART)
    spans, at = list[tuple[float, float]](), SPACE / 2
    for value in values:
        long = LEAST_PART + room * value / whole if sum(values) else 360 / len(values) - SPACE
        spans.append((at, at + long))
        at += long + SPACE
    return spans


def _arc(start: float, end: float, turn: float) -> str:
    far, sweep = int(end - start > 180), (1, 0) if turn > 0 else (0, 1)
    return (
        f"M{_at(start, OUTER, turn)}A100 100 0 {far} {sweep[0]} {_at(end, OUTER, turn)}"
        f"L{_at(end, INNER, turn)}A76 76 0 {far} {sweep[1]} {_at(start, INNER, turn)}Z"
    )


def _arrow(left: float | None, to: float, wide: float, turn: float) -> str:
    """The outline of an arrow to the middle of a part: from the middle of another, or from outside."""
    if left is None:
        # A short one, straight inwards.
        half = 90 * wide / pi / OUTER
        return (
            f"M{_at(to - half, 122, turn)}L{_at(to - half, 110, turn)}L{_at(to - 2 * half - 2, 110, turn)}"
            f"L{_at(to, OUTER + 1, turn)}L{_at(to + 2 * half + 2, 110, turn)}L{_at(to + half, 110, turn)}"
            f"L{_at(to + half, 122, turn)}Z"
        )
    # Those that come and those that go lie beside each other; near neighbours bow less far into the wheel.
    apart = abs((to - left + 180) % 360 - 180)
    left, to = left + 2, to - 2
    half, deep, head = 90 * wide / pi / INNER, INNER * max(0.0, 0.55 - apart / 300), INNER - 7 - wide / 2
    middle = (left + to) / 2 + (180 if abs(left - to) > 180 else 0)
    bow = _at(middle, deep, turn)
    return (
        f"M{_at(left - half, INNER - 2, turn)}Q{bow} {_at(to + half, head, turn)}"
        f"L{_at(to + 2 * half + 2, head, turn)}L{_at(to, INNER - 2, turn)}L{_at(to - 2 * half - 2, head, turn)}"
        f"L{_at(to - half, head, turn)}Q{bow} {_at(left + half, INNER - 2, turn)}Z"
    )


def _at(degrees: float, radius: float, turn: float) -> str:
    """A point so far from the middle, in the direction of a clock's hand."""
    angle = turn * degrees * pi / 180
    return f"{_short(radius * sin(angle))} {_short(-radius * cos(angle))}"


def against(bins: Sequence[Mapping[str, float]], label: str) -> Markup:
    """What was `said` across, what was `did` upwards, both from 0 to 1; a dot for each, as large as its `n` are many.
    The line is where both agree.
    """
    most = max((each["n"] for each in bins), default=1)
    dots = Markup("").join(
        Markup('<circle class="value" cx="{}" cy="{}" r="{}"/>').format(
            _short(100 * each["said"]), _short(100 - 100 * each["did"]), _short(1.5 + 3 * (each["n"] / most) ** 0.5)
        )
        for each in bins
    )
    return Markup(
        '<svg class="against" viewBox="-5 -5 110 110" role="img" aria-label="{}" focusable="false">'
        '<path class="frame" d="M0 0V100H100"/><path class="ideal" d="M0 100L100 0"/>{}</svg>'
    ).format(label, dots)


def _column(place: int, value: int, most: int) -> Markup:
    height = _part(value, most, TALL)
    return Markup('<rect class="value" x="{}" y="{}" width="{}" height="{}"/>').format(
        place * COLUMN, _short(TALL - float(height)), COLUMN - GAP, height
    )


def _part(value: int, most: int, whole: int) -> str:
    """`value` of `most`, scaled to `whole`."""
    if value <= 0 or most <= 0:
        return "0"
    return _short(max(LEAST, whole * min(value, most) / most))


def _short(length: float) -> str:
    return f"{length:.2f}".rstrip("0").rstrip(".")


def whiskers(bars: Sequence[tuple[float, float, float, str]], label: str) -> Markup:
    """A bar for each share with the line of its interval: (share, low, high, kind), all from 0 to 1, drawn against the
    greatest. `label` says in words what the picture shows.
    """
    most = max((high for _, _, high, _ in bars), default=0) or 1
    shapes = Markup("").join(_whisker(place, bar, 100 / most) for place, bar in enumerate(bars))
    return Markup(
        '<svg class="whiskers" viewBox="0 0 101 {}" preserveAspectRatio="none" role="img" aria-label="{}" '
        'focusable="false">{}</svg>'
    ).format(len(bars) * 12, label, shapes)


def _whisker(place: int, bar: tuple[float, float, float, str], scale: float) -> Markup:
    value, low, high, kind = bar
    top = place * 12
    return Markup(
        '<rect class="value {}" x="0" y="{}" width="{}" height="8"/>'
        '<path class="margin" d="M{} {}H{}M{} {}V{}M{} {}V{}"/>'
    ).format(
        kind, top + 2, _short(value * scale), _short(low * scale), top + 6, _short(high * scale),
        _short(low * scale), top + 4, top + 8, _short(high * scale), top + 4, top + 8,
    )  # fmt: skip
