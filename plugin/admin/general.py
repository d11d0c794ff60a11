"""What holds for the whole app: the language of the pages, what the store says of itself, and the data as a file.

A pack is written line by line as it is read, in one instant of the shop, and compressed on its way out. Where a shop
has become large, whoever runs this installation writes it with a command, which no browser has to wait for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from flask import Blueprint, Response, abort, current_app, g, render_template
from sqlalchemy import text

from commerce.ids import ShopId
from engine import audit, packs
from engine.work import Database, UnitOfWork
from plugin.admin.pages import unit
from plugin.languages import languages
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("general", __name__)

# A pack of so many orders is some 20 MB and takes some seconds; a browser waits for that.
MOST_ORDERS = 50_000
PORTION_BYTES = 64 * 1024

_MANY = text("SELECT count(*) AS many FROM (SELECT FROM orders WHERE shop_id = :shop_id LIMIT :most) found")


@pages.get("/settings")
@merchant_only
def settings() -> str:
    """Language, shop, e-mails, data."""
    with unit() as work:
        small = _is_small(work)
    return render_template(
        "admin/general.html", languages=languages(), small=small, most=MOST_ORDERS,
        mails=current_app.extensions["doors"].mails,
    )  # fmt: skip


@pages.get("/settings/pack")
@merchant_only
def pack_file() -> Response:
    """Everything that the shop's program is, as lines of JSON, compressed."""
    database, shop, person = current_app.extensions["doors"].database, g.merchant.shop, g.merchant.person
    with unit() as work:
        if not _is_small(work):
            abort(409, _("This shop is too large for a browser to wait for its file: the page names the command."))
        audit.write(work, person.staff_id, person.label, person.role, "pack_taken")
    headers = {"Content-Disposition": f'attachment; filename="{shop.domain}.jsonl.gz"'}
    return Response(_compressed(_lines(database, shop.shop_id)), mimetype="application/gzip", headers=headers)


def _is_small(work: UnitOfWork) -> bool:
    row = work.row(_MANY, most=MOST_ORDERS + 1)
    return row is not None and row.many <= MOST_ORDERS


def _lines(database: Database, shop_id: ShopId) -> Iterator[bytes]:
    release = packs.schema(database)
    with database.snapshot(shop_id) as work:
        for line in packs.pack(work, release):
            yield line.encode() + b"\n"


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines as one gzip file, in portions."""
    squeeze, waiting = zlib.compressobj(wbits=31), bytearray()
    for line in lines:
        waiting += squeeze.compress(line)
        if len(waiting) >= PORTION_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting) + squeeze.flush()
