"""The page on which a merchant imports points, and the same from the command line."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from werkzeug.test import TestResponse

from engine.shops import Shop
from plugin import cli
from tests import people
from tests.ground import Desk
from tests.plugin.conftest import House, Merchant


def upload(merchant: Merchant, text: str, **form: str) -> TestResponse:
    headers = {"Authorization": f"Bearer {merchant.token()}"}
    data = {**form, "file": (io.BytesIO(text.encode()), "balances.csv")}
    return merchant.client.post("/imports", headers=headers, data=data, content_type="multipart/form-data")


def test_a_file_is_read_looked_at_booked_and_undone(house: House, merchant: Merchant) -> None:
    house.settle(merchant.shop, people.order(1, people.customer(1), 10_000))
    answer = upload(merchant, f"email,points\n{people.customer(1).email},1250\n", source="smile", note="Welcome over")
    assert answer.status_code == 303
    seen = merchant.fetch(answer.location).text
    assert "Nothing is booked yet" in seen
    assert "1,250" in seen
    address = answer.location.partition("?")[0]
    booked = merchant.fetch(f"{address}/book", "POST")
    assert "Booked on" in merchant.fetch(booked.location).text
    customer = merchant.fetch(f"/customers/{house.customer_id(merchant.shop, '1001')}").text
    assert "brought from Smile: Welcome over" in customer
    undone = merchant.fetch(f"{address}/undo", "POST", sure="yes")
    assert "Undone on" in merchant.fetch(undone.location).text
    assert "undone" in merchant.fetch("/imports").text


def test_a_file_with_faults_is_answered_with_each_line_and_its_reason(house: House, merchant: Merchant) -> None:
    house.settle(merchant.shop, people.order(1, people.customer(1), 10_000))
    answer = upload(merchant, f"email,points\n{people.customer(1).email},52,620\nnobody@example.com,5\n")
    assert answer.status_code == 422
    assert "is there a comma in a number? Write 52620" in answer.text
    assert "nobody of that address" in answer.text
    assert "Nothing imported yet" in answer.text


def test_no_file_and_no_such_import_are_answered_in_words(merchant: Merchant) -> None:
    assert "The file is empty." in upload(merchant, "").text
    assert merchant.fetch("/imports/999999").status_code == 404
    assert merchant.fetch(f"/imports/{2**70}").status_code == 404


def test_another_shop_s_import_does_not_exist(house: House, merchant: Merchant, next_door: Shop) -> None:
    stranger = Merchant(house.app.test_client(), next_door)
    house.settle(merchant.shop, people.order(1, people.customer(1), 10_000))
    address = upload(merchant, f"email,points\n{people.customer(1).email},5\n").location.partition("?")[0]
    assert "no such import" in stranger.fetch(address).text
    assert stranger.fetch(f"{address}/book", "POST").status_code == 409


def test_the_command_line_shows_books_and_undoes(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.settle(people.order(1, people.customer(1), 10_000))
    file = tmp_path / "balances.csv"
    file.write_text(f"email,points\n{people.customer(1).email},50\n", "utf-8")

    def run(*arguments: str) -> int:
        build = lambda _environment: SimpleNamespace(database=desk.database)  # noqa: E731
        return cli.main(["import-points", "--shop", desk.shop.domain, *arguments], {}, build, Path())

    assert run(str(file)) == 0
    assert "Nothing was booked" in capsys.readouterr().out
    assert desk.balance(1).points == 100
    assert run(str(file), "--book") == 0
    number = capsys.readouterr().out.partition("Import ")[2].partition(":")[0]
    assert desk.balance(1).points == 150
    assert run("--undo", number) == 0
    assert run("--undo", number) == 1
    assert "nothing to undo" in capsys.readouterr().err
    assert desk.balance(1).points == 100
    file.write_text("email,points\nnobody@example.com,5.5\n", "utf-8")
    assert run(str(file)) == 1
    assert "line 2: points are a whole number" in capsys.readouterr().err
    assert run() == 2
    assert run(str(tmp_path / "missing.csv")) == 1
