"""Keys come and go: secrets are sealed anew while others use them, and the house's own secret outlives every key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet

from engine import reward_hooks, shops
from engine.keyring import Resealed, SecretLost, house_secret, reseal
from engine.shops import Seal, Shop
from engine.work import Database
from plugin import cli
from tests.ground import Superuser, open_shop

OLDEST, OLD, NEW = (Fernet.generate_key().decode() for _ in range(3))
SECRET = {"access_token": "shpat_of_the_test"}


@pytest.fixture(autouse=True)
def _no_house_before_or_after(above: Superuser) -> Iterator[None]:
    above.run("DELETE FROM house_secrets")
    yield
    above.run("DELETE FROM house_secrets")


def save(database: Database, shop: Shop, *keys: str, secret: dict[str, object] | None = None) -> None:
    with database.work(shop.shop_id) as work:
        shops.save_credentials(work, Seal(keys), secret or dict(SECRET))


def load(database: Database, shop: Shop, *keys: str) -> dict[str, object] | None:
    with database.work(shop.shop_id) as work:
        return shops.load_credentials(work, Seal(keys))


def unheard(_done: int, _whole: int) -> None:
    return


def test_everything_is_sealed_with_the_newest_key_and_again_changes_nothing(database: Database, shop: Shop) -> None:
    other = open_shop(database, "resealed-beside.myshopify.com")
    save(database, shop, OLD)
    save(database, other, NEW)
    told: list[tuple[int, int]] = []
    ring = Seal((NEW, OLD))
    assert reseal(database, ring, lambda done, whole: told.append((done, whole))) == Resealed(anew=1, already=1)
    assert told == [(1, 3), (2, 3), (3, 3)], "the neighbour counts, and has no token"
    assert load(database, shop, NEW) == SECRET
    assert load(database, shop, OLD) is None
    assert load(database, other, NEW) == SECRET
    assert reseal(database, ring, unheard) == Resealed(already=2)


def test_a_token_whose_key_is_gone_is_counted_and_left_as_it_is(database: Database, shop: Shop) -> None:
    save(database, shop, OLDEST)
    assert reseal(database, Seal((NEW, OLD)), unheard) == Resealed(lost=1)
    assert load(database, shop, OLDEST) == SECRET


def test_a_token_that_a_worker_renews_meanwhile_is_not_put_back(
    database: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is between our reading and our writing."""
    save(database, shop, OLD)
    renewed = {"access_token": "shpat_renewed"}
    ring = Seal((NEW, OLD))
    sealing = ring.again

    class Slow(Seal):
        def again(self, sealed: bytes) -> bytes | None:
            worker = threading.Thread(target=save, args=(database, shop, NEW, OLD), kwargs={"secret": renewed})
            worker.start()
            worker.join(60)
            return sealing(sealed)

    assert reseal(database, Slow((NEW, OLD)), unheard) == Resealed(already=1)
    assert load(database, shop, NEW) == renewed


def test_the_house_s_secret_is_made_once_and_outlives_the_keys(database: Database, above: Superuser) -> None:
    first = house_secret(database, Seal((OLD,)), OLD)
    assert len(first) == 32
    assert house_secret(database, Seal((NEW, OLD)), OLD) == first
    assert bytes(above.one("SELECT sealed FROM house_secrets")).find(first) == -1
    reseal(database, Seal((NEW, OLD)), unheard)
    assert house_secret(database, Seal((NEW,)), NEW) == first


def test_a_house_that_was_there_before_keeps_the_secret_that_it_had(database: Database, shop: Shop) -> None:
    assert house_secret(database, Seal((NEW, OLDEST)), OLDEST) == sha256(OLDEST.encode()).digest()


def test_many_processes_that_start_at_once_agree_on_the_secret(database: Database) -> None:
    found: list[bytes] = []
    starts = [
        threading.Thread(target=lambda: found.append(house_secret(database, Seal((OLD,)), OLD))) for _ in range(6)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join(60)
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_secret_whose_key_is_gone_says_what_to_do(database: Database) -> None:
    house_secret(database, Seal((OLD,)), OLD)
    with pytest.raises(SecretLost, match="Put that key back, behind the newest"):
        house_secret(database, Seal((NEW,)), NEW)
    with pytest.raises(SecretLost):
        reseal(database, Seal((NEW,)), unheard)


def test_the_command_says_what_it_did(
    database: Database, shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*keys: str) -> Any:
        return lambda _environment: SimpleNamespace(database=database, seal=Seal(keys))

    save(database, shop, OLD)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert cli.main(["rotate-keys"], {}, build(NEW, OLD), Path()) == 0
    said = capsys.readouterr()
    assert said.out == "1 sealed anew, 0 sealed with the newest key already, 0 not to be opened\n"
    assert "[##############################] 2 of 2 shops\n" in said.err
    save(database, shop, OLDEST)
    assert cli.main(["rotate-keys"], {}, build(NEW, OLD), Path()) == 1
    assert "or let those merchants open the app once" in capsys.readouterr().err


def test_the_secret_of_a_reward_hook_is_sealed_anew_like_any_other(database: Database, shop: Shop) -> None:
    with database.work(shop.shop_id) as work:
        secret = reward_hooks.put(work, Seal((OLD,)), "https://shop.example/", "staff 7")
    assert reseal(database, Seal((NEW, OLD)), unheard) == Resealed(anew=1)
    with database.work(shop.shop_id) as work:
        hook = reward_hooks.load(work, Seal((NEW,)))
        assert reward_hooks.load(work, Seal((OLD,))) is None
    assert hook is not None
    assert hook.secret == secret
