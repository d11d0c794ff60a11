"""Carrying thousands of effects in one bulk mutation: a file of variables, a run, a look now and then, a file of
results.

The platform runs one mutation, with one field, over all lines of a file. A kind of effect that needs several (tags are
removed, then added) takes its steps one after another; an effect that failed in one is left out of the next. Each step
is found again by its name, which is written into the text of the mutation: the platform gives that text back with its
operations, so a step whose beginner died before it heard the answer is not begun twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from commerce.store import BulkLook, BulkRefused, BulkRun, StoreError
from connectors.http import HttpSession, NoAnswer
from connectors.shopify.graphql import Graph, operation, refused
from connectors.shopify.writes.batch import Outcome, Payload, UserError, refusal

# The points of each step: a place for the file, the run, the search for a run that was begun already, and the looks,
# whose number is that of a run of half an hour.
_STAGE, _RUN, _FIND, _LOOKS = 10, 10, 10, 40

# Below this, calls of twenty points are through within a minute at the platform's slowest pace, a hundred a second; a
# run seldom comes back sooner, and takes one of the few places that there are for runs.
LEAST = 250

# The platform's word for it, in the reason that `graphql` gives; and its answer to an address that it does not know.
_NO_PERMISSION = "ACCESS_DENIED"
_FORBIDDEN = refused(403, {}).reason

_RUNNING = frozenset({"CREATED", "RUNNING", "CANCELING"})
_BUSY = frozenset({"LIMIT_REACHED", "OPERATION_IN_PROGRESS"})
_BUSY_WAIT_S = 60.0
# Nothing is wrong with what we sent; the same may work a minute later.
_PASSING = frozenset({"NO_SUCH_FILE", "INTERNAL_FILE_SERVER_ERROR"})


@dataclass(frozen=True, slots=True)
class BulkStep:
    """One mutation over many effects: `operation` is its document, of one field; `variables` an effect's line, None
    where the effect needs nothing of this step.
    """

    operation: str
    variables: Callable[[Any], Mapping[str, object] | None]


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """How a kind of effect goes in bulk, and the points that one of them costs as a call instead.

    `check` raises `StoreError` for an effect that cannot be asked for at all; `meaning` says what the store's "no" to
    a line means.
    """

    steps: tuple[BulkStep, ...]
    points: float
    check: Callable[[Any], object] = lambda _: None
    meaning: Callable[[Sequence[UserError]], StoreError] = refusal

    @property
    def least(self) -> int:
        """From how many effects on the bulk plan is the cheaper one, and worth waiting for."""
        run = len(self.steps) * (_STAGE + _RUN + _FIND + _LOOKS)
        return max(LEAST, int(run / self.points) + 1)


class _Failed(Struct):
    reason: str
    permanent: bool
    places: list[int]


class _State(Struct):
    """What is kept of a run between two looks: the step, its operation, the lines of steps before, who failed."""

    step: int = 0
    operation: str = ""
    before: int = 0
    failed: list[_Failed] = []


class _Parameter(Struct):
    name: str
    value: str


class _Target(Struct):
    url: str
    parameters: list[_Parameter]


class _Staged(Struct, rename="camel"):
    user_errors: list[UserError]
    staged_targets: list[_Target] | None = None


class _StagedData(Struct, rename="camel"):
    staged_uploads_create: _Staged


class _Id(Struct):
    id: str


class _Begun(Struct, rename="camel"):
    user_errors: list[UserError]
    bulk_operation: _Id | None = None


class _BegunData(Struct, rename="camel"):
    bulk_operation_run_mutation: _Begun | None = None


class _Named(Struct):
    id: str
    query: str


class _NamedNodes(Struct):
    nodes: list[_Named]


class _FoundData(Struct, rename="camel"):
    bulk_operations: _NamedNodes


class _Operation(Struct, rename="camel"):
    status: str
    object_count: str = "0"
    error_code: str | None = None
    url: str | None = None
    partial_data_url: str | None = None


class _OperationData(Struct, rename="camel"):
    bulk_operation: _Operation | None = None


class _CancelledData(Struct, rename="camel"):
    bulk_operation_cancel: Payload | None = None


class _Fault(Struct):
    extensions: dict[str, Any] = {}


class _Line(Struct):
    number: int = msgspec.field(name="__lineNumber")
    data: dict[str, Payload | None] | None = None
    errors: list[_Fault] = []


def push_in_bulk(graph: Graph, http: HttpSession, plan: BulkPlan, run: BulkRun) -> BulkLook:
    """Begin the run, or look at it and take its next step. See `commerce.store.BulkStore`."""
    state = msgspec.json.decode(run.state, type=_State) if run.state else _State()
    if state.operation:
        seen = graph.read(operation("read_bulk_mutation"), {"id": state.operation}, _OperationData).bulk_operation
        if seen is not None and seen.status in _RUNNING:
            return BulkLook(run.state, state.before + _count(seen))
        effects = run.effects()
        _close_step(http, plan, state, effects, seen)
    else:
        effects = run.effects()
        if not run.state:
            _refuse_unsound(plan, state, effects)
    while state.step < len(plan.steps):
        if places := _places(plan, state, effects):
            state.operation = _begin(graph, http, plan.steps[state.step], f"{run.name}_{state.step}", effects, places)
            return BulkLook(msgspec.json.encode(state).decode(), state.before)
        state.step += 1
    return BulkLook("", state.before, _outcomes(state, len(effects)))


def cancel_bulk(graph: Graph, run: BulkRun) -> None:
    """Ask the platform to stop the step that runs. One that is over already is no failure."""
    state = msgspec.json.decode(run.state, type=_State) if run.state else _State()
    if state.operation:
        graph.read(operation("cancel_bulk_mutation"), {"id": state.operation}, _CancelledData)


def _count(seen: _Operation) -> int:
    return int(seen.object_count) if seen.object_count.isdecimal() else 0


def _places(plan: BulkPlan, state: _State, effects: Sequence[Any]) -> list[int]:
    """The effects that the step is for, in the order of its lines."""
    failed = {place for each in state.failed for place in each.places}
    variables = plan.steps[state.step].variables
    return [p for p, effect in enumerate(effects) if p not in failed and variables(effect) is not None]


def _refuse_unsound(plan: BulkPlan, state: _State, effects: Sequence[Any]) -> None:
    for place, effect in enumerate(effects):
        try:
            plan.check(effect)
        except StoreError as fault:
            _fail(state, place, fault)


def _fail(state: _State, place: int, fault: StoreError) -> None:
    for known in state.failed:
        if known.reason == fault.reason and known.permanent == fault.permanent:
            known.places.append(place)
            return
    state.failed.append(_Failed(fault.reason, fault.permanent, [place]))


def _outcomes(state: _State, count: int) -> list[Outcome]:
    outcomes: list[Outcome] = [None] * count
    for each in state.failed:
        fault = StoreError(each.reason, permanent=each.permanent, retry_after=None if each.permanent else 0.0)
        for place in each.places:
            outcomes[place] = fault
    return outcomes


# --- beginning a step


def _begin(
    graph: Graph, http: HttpSession, step: BulkStep, name: str, effects: Sequence[Any], places: Sequence[int]
) -> str:
    """The operation that works off the step: one that was begun by that name already, or a new one."""
    known = graph.read(operation("find_bulk_mutation"), {}, _FoundData).bulk_operations.nodes
    if begun := next((one.id for one in known if name in one.query), None):
        return begun
    lines = b"".join(orjson.dumps(step.variables(effects[p]), option=orjson.OPT_APPEND_NEWLINE) for p in places)
    path = _upload(graph, http, lines)
    text = operation(step.operation).text
    return _run(graph, text.replace("(", f"_{name}(", 1), path)


def _upload(graph: Graph, http: HttpSession, lines: bytes) -> str:
    staged = graph.read(operation("stage_bulk_file"), {}, _StagedData).staged_uploads_create
    if staged.user_errors or not staged.staged_targets:
        raise StoreError("the store gave no place for a bulk file", permanent=False)
    target = staged.staged_targets[0]
    path = next((each.value for each in target.parameters if each.name == "key"), "")
    boundary = secrets.token_hex(16)
    body = _form(boundary, target.parameters, lines)
    try:
        # A store of files, not the shop: our token is none of its business.
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = http.send("POST", target.url, headers=headers, body=body)
    except NoAnswer as fault:
        raise StoreError(str(fault), permanent=False) from None
    if not 200 <= answer.status < 300:
        raise StoreError(f"the store took no bulk file (HTTP {answer.status})", permanent=False)
    return path


def _form(boundary: str, parameters: Sequence[_Parameter], lines: bytes) -> bytes:
    """Multipart form data: the fields as they were given, the file behind them."""
    head = f"--{boundary}\r\nContent-Disposition: form-data; name="
    fields = "".join(f'{head}"{each.name}"\r\n\r\n{each.value}\r\n' for each in parameters)
    file = f'{head}"file"; filename="effects.jsonl"\r\nContent-Type: text/jsonl\r\n\r\n'
    return f"{fields}{file}".encode() + lines + f"\r\n--{boundary}--\r\n".encode()


def _run(graph: Graph, mutation: str, path: str) -> str:
    try:
        variables = {"mutation": mutation, "path": path}
        begun = graph.read(operation("begin_bulk_mutation"), variables, _BegunData).bulk_operation_run_mutation
    except StoreError as fault:
        if _NO_PERMISSION in fault.reason:
            raise BulkRefused("the store has not given us the permission to run bulk operations") from None
        if fault.reason == _FORBIDDEN:
            # The place for the file was given a moment ago, so it is this call alone that is forbidden.
            raise BulkRefused("the store runs no bulk operations for an address that is not on its list") from None
        raise
    codes = {error.code for error in begun.user_errors} if begun else set()
    if codes & _BUSY:
        raise StoreError("the store runs as many bulk operations as it will", permanent=False, retry_after=_BUSY_WAIT_S)
    if begun is None or begun.bulk_operation is None:
        passing = begun is None or bool(codes & _PASSING)
        raise StoreError(
            f"the store began no bulk operation: {', '.join(map(str, codes))[:100]}", permanent=not passing
        )
    return begun.bulk_operation.id


# --- closing a step


def _close_step(
    http: HttpSession, plan: BulkPlan, state: _State, effects: Sequence[Any], seen: _Operation | None
) -> None:
    """Take in what the step's operation left, and go on to the next step; there is none after one that was stopped."""
    if seen is not None and seen.error_code == _NO_PERMISSION:
        raise BulkRefused("the store has not given us the permission for what a bulk operation was to do")
    places = _places(plan, state, effects)
    results = _results(http, plan, seen) if seen is not None else {}
    ended = seen.status.lower() if seen is not None else "gone"
    for number, place in enumerate(places):
        lost = StoreError(f"the bulk run ended ({ended}) without a word about this", permanent=False)
        verdict = results.get(number, lost)
        if verdict is not None:
            _fail(state, place, verdict)
    state.before += len(places)
    state.operation = ""
    state.step += 1
    if ended not in ("completed", "failed") and state.step < len(plan.steps):
        stopped = StoreError(f"the bulk run ended ({ended}) before it came to this", permanent=False)
        failed = {place for each in state.failed for place in each.places}
        for place in set(range(len(effects))) - failed:
            _fail(state, place, stopped)


def _results(http: HttpSession, plan: BulkPlan, seen: _Operation) -> dict[int, Outcome]:
    """Each line's outcome by its number, as far as the file tells. A file that is not there any more tells nothing."""
    url = seen.url or seen.partial_data_url
    if url is None:
        return {}
    if not url.startswith("https://"):
        raise StoreError("the store named a result at an address that is not encrypted", permanent=True)
    try:
        answer = http.send("GET", url, headers={"Accept": "*/*"}, body=b"")
    except NoAnswer as fault:
        raise StoreError(str(fault), permanent=False) from None
    if answer.status >= 500 or answer.status == 429:
        raise StoreError(f"the store's file of results answered HTTP {answer.status}", permanent=False)
    if answer.status != 200:
        return {}
    return {line.number: _verdict(plan, line) for line in _lines(answer.body)}


_DECODER = msgspec.json.Decoder(_Line)


def _lines(body: bytes) -> Iterator[_Line]:
    """The lines that can be read: the last of a broken-off file may be half."""
    for line in body.splitlines():
        try:
            yield _DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue


def _verdict(plan: BulkPlan, line: _Line) -> Outcome:
    if line.errors:
        codes = {str(each.extensions.get("code", ""))[:60] for each in line.errors}
        passing = codes & {"", "INTERNAL_SERVER_ERROR", "TIMEOUT", "THROTTLED"}
        return StoreError(f"the store answered {', '.join(sorted(codes)) or 'an error'}", permanent=not passing)
    payloads = list((line.data or {}).values())
    if not payloads or payloads[0] is None:
        return StoreError("the store answered a line with nothing", permanent=False)
    return plan.meaning(payloads[0].user_errors) if payloads[0].user_errors else None
