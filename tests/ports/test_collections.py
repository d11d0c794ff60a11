"""How the store groups its goods: which collections there are, and the products of each. The same questions to every
connector.
"""

from __future__ import annotations

import pytest

from commerce.store import NoSuchCollection, StoreError
from tests.ports.labs import MUG, TEA, Lab


def products(lab: Lab, collection: str) -> list[str]:
    return [product for page in lab.store().collection_products(collection) for product in page]


@pytest.mark.asks("the collections of a store are listed with their titles")
def test_the_collections_of_a_store_are_listed_with_their_titles(lab: Lab) -> None:
    summer, odd = lab.collect("Summer", [lab.goods(MUG)]), lab.collect("تابستان & <b>", [])
    found = [(one.external_id, one.title) for page in lab.store().collections() for one in page]
    assert found == [(summer, "Summer"), (odd, "تابستان & <b>")]


@pytest.mark.asks("more collections than a page holds are all found, each once")
def test_more_collections_than_a_page_holds_are_all_found(lab: Lab) -> None:
    there = [lab.collect(f"C{number}", []) for number in range(260)]
    assert [one.external_id for page in lab.store().collections() for one in page] == there


@pytest.mark.asks("the products of a collection, as they are now")
def test_the_products_of_a_collection_as_they_are_now(lab: Lab) -> None:
    summer = lab.collect("Summer", [lab.goods(MUG)])
    assert products(lab, summer) == [lab.goods(MUG)]
    lab.recollect(summer, [lab.goods(TEA)])
    assert products(lab, summer) == [lab.goods(TEA)]
    lab.recollect(summer, [])
    assert products(lab, summer) == []


@pytest.mark.asks("more products in a collection than a page holds are all found")
def test_more_products_than_a_page_holds_are_all_found(lab: Lab) -> None:
    there = lab.many_goods(620)
    summer = lab.collect("Summer", there[:-1])
    assert products(lab, summer) == there[:-1]


@pytest.mark.asks("a collection that is deleted, of another shop, or impossible is told apart from an empty one")
@pytest.mark.parametrize("odd", ["999999999", "-1", "17) OR (id:>0", "Summer", "9" * 40, ""])
def test_no_such_collection(lab: Lab, odd: str) -> None:
    summer = lab.collect("Summer", [lab.goods(MUG)])
    lab.drop_collection(summer)
    for asked in (summer, odd):
        with pytest.raises(NoSuchCollection):
            products(lab, asked)


@pytest.mark.asks("a store that lets nobody in says so when its collections are asked for")
def test_a_closed_store_says_so(lab: Lab) -> None:
    summer = lab.collect("Summer", [lab.goods(MUG)])
    lab.revoke()
    store = lab.store()
    for ask in (lambda: list(store.collections()), lambda: list(store.collection_products(summer))):
        with pytest.raises(StoreError) as fault:
            ask()
        assert fault.value.closed
