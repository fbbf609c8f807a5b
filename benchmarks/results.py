# SPDX-License-Identifier: Apache-2.0
"""Reports as JSON and back, and the committed ones by machine class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from .check import CHECKS
from .rivals import OURS
from .run import Report, Row
from .work import bytes_moved, nominal_flops

COMMITTED = Path(__file__).resolve().parent / "results"


def as_json(report: Report) -> str:
    """Everything, in nanoseconds and bytes; a line for each time that was taken."""
    whole = asdict(report)
    whole["settings"]["clock"] = report.settings.clock
    for row, plain in zip(report.rows, whole["rows"], strict=True):
        plain |= _derived(report, row)
    return as_lines(whole)


def as_lines(whole: dict[str, Any]) -> str:
    """JSON with a line for each key, and for each entry of a list of objects."""
    return "{\n" + ",\n".join(f'"{key}": {_block(value)}' for key, value in whole.items()) + "\n}\n"


def _block(value: Any) -> str:
    if not isinstance(value, list | tuple) or not value or not isinstance(value[0], dict):
        return json.dumps(value)
    return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"


def _derived(report: Report, row: Row) -> dict[str, Any]:
    """What follows from a row, for readers of the file."""
    return {
        "case_name": row.case.name,
        "frames": row.case.frames * row.case.batch,
        "error_unit": CHECKS[row.op].unit,
        "ns_per_frame": ns_per_frame(row) if row.timing else None,
        "nominal_flops": nominal_flops(row.op, row.case),
        "bytes_moved": bytes_moved(row.op, row.case),
        "share_of_peak": share_of_peak(report, row),
    }


def ns_per_frame(row: Row) -> float:
    """Of a row that was timed."""
    assert row.timing is not None
    return row.timing.median / (row.case.frames * row.case.batch)


def share_of_peak(report: Report, row: Row) -> float | None:
    """Nominal flops a second over those of the multiply-add probe; None without either."""
    flops = nominal_flops(row.op, row.case)
    if report.floors is None or row.timing is None or not flops or report.settings.threads > 1:
        return None
    return 1e9 * flops / row.timing.median / report.floors.multiply_add[row.case.dtype]


def from_json(text: str) -> Report:
    """The report that `as_json` wrote; what follows from the rest is left out."""
    return _as(Report, json.loads(text))


def _as(kind: Any, value: Any) -> Any:
    """`value`, of JSON's types, as the dataclasses and tuples that `kind` names."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        known = {field.name: hints[field.name] for field in fields(kind)}
        return kind(**{name: _as(known[name], value[name]) for name in known if name in value})
    inner = [argument for argument in get_args(kind) if argument not in (NoneType, Ellipsis)]
    if value is None or not inner:
        return value
    if get_origin(kind) is tuple:
        kinds = inner if len(inner) == len(value) else inner[:1] * len(value)
        return tuple(map(_as, kinds, value))
    if get_origin(kind) in (dict, list):
        return value
    return _as(inner[0], value)  # X | None


def machine_class(report: Report) -> tuple[str, ...]:
    """What two runs share whose ratios may be compared: processor, instruction set, conditions."""
    where = report.machine
    family, model, _ = where["family_model_stepping"]
    settings = (report.instruction_set, held_by(report), report.settings.threads)
    return tuple(map(str, (where["processor"], family, model, *settings, report.malloc_tuned)))


def held_by(report: Report) -> dict[str, str]:
    """Variables of the environment that kept torch from instructions the processor has."""
    found: dict[str, str] = report.machine.get("torch_held_by", {})
    return found


def committed() -> Iterator[tuple[Path, Report]]:
    """Every result that is kept in the source tree: a folder as `lapped bench -o` writes it."""
    for path in sorted(COMMITTED.glob("*/result.json")):
        yield path, from_json(path.read_text(encoding="utf-8"))


def ours(report: Report, row: Row) -> Row:
    """lapped's row beside `row`."""
    place = (row.group, row.op, row.case)
    return next(
        other
        for other in report.rows
        if other.library == OURS and (other.group, other.op, other.case) == place
    )
