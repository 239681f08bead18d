"""The fold as mathematics: joins that no order, grouping or repetition can bend."""

from collections.abc import Sequence
from datetime import timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from receiver.domain.deliveries import Delivery, delivery_of, merge
from receiver.domain.facts import Fact, Receipt, Source, new_id
from receiver.domain.identity import base_of
from receiver.domain.ledger import fold
from receiver.domain.sends import merge_reported, send_of
from receiver.domain.status import ACCEPTED, DELIVERED, UNKNOWN
from tests.making import SOURCES, START, histories, make_fact, make_receipt, make_send, receipts


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    receipt = replace(draw(receipts()), transid="t", destination="447700900123")
    at = START + timedelta(minutes=draw(st.integers(0, 3)))
    return delivery_of(make_fact(receipt, at=at, source=draw(SOURCES)), receipt, "t")


@given(one=deliveries(), other=deliveries(), third=deliveries())
def test_merging_deliveries_is_a_join(one: Delivery, other: Delivery, third: Delivery) -> None:
    assert merge(one, one) == one
    assert merge(one, other) == merge(other, one)
    assert merge(merge(one, other), third) == merge(one, merge(other, third))


@given(found=st.lists(receipts(), min_size=3, max_size=3))
def test_merging_what_receipts_say_of_a_send_is_a_join(found: Sequence[Receipt]) -> None:
    one, other, third = (send_of(make_fact(each), each, "t") for each in found)

    assert merge_reported(one, one) == one
    assert merge_reported(one, other) == merge_reported(other, one)
    left = merge_reported(merge_reported(one, other), third)
    assert left == merge_reported(one, merge_reported(other, third))


@given(facts=histories(), data=st.data())
def test_the_fold_knows_no_order_and_no_repetition(
    facts: Sequence[Fact], data: st.DataObject
) -> None:
    base = base_of(getattr(facts[0].body, "transid", ""))
    family = [fact for fact in facts if base_of(getattr(fact.body, "transid", "")) == base]
    repeated = data.draw(st.lists(st.sampled_from(family), max_size=4))
    shuffled = data.draw(st.permutations([*family, *repeated]))

    assert fold(base, shuffled) == fold(base, family)


def status_of(*receipts: Receipt) -> int:
    each = [delivery_of(make_fact(receipt), receipt, "t") for receipt in receipts]
    return reduce(merge, each).rank


def test_a_late_submitted_changes_nothing() -> None:
    late = make_receipt("t", "Submitted", provider_at=START + timedelta(hours=5))

    assert status_of(make_receipt("t", "Delivered", provider_at=START), late) == DELIVERED.rank


def test_an_unknown_spelling_stands_beside_the_status() -> None:
    known, odd = make_receipt("t", "Delivered"), make_receipt("t", "Zapped")
    merged = reduce(merge, [delivery_of(make_fact(each), each, "t") for each in (odd, known)])

    assert (merged.rank, merged.raw_status, merged.also) == (DELIVERED.rank, "Delivered", "Zapped")


def test_within_a_rank_a_code_then_the_later_time_decides() -> None:
    bare = make_receipt("t", "Failed", code="", provider_at=START + timedelta(hours=1))
    coded = make_receipt("t", "Failed", code="7101", provider_at=START)
    later = make_receipt("t", "Failed", code="7102", provider_at=START + timedelta(minutes=1))
    merged = reduce(
        merge, [delivery_of(make_fact(each), each, "t") for each in (coded, later, bare)]
    )

    assert merged.code == "7102"


@pytest.mark.parametrize("source", [Source.HOOK, Source.IMPORT, Source.REPLAY])
def test_within_a_rank_what_the_platform_told_decides_before_what_we_asked_for(
    source: Source,
) -> None:
    told = make_receipt("t", "Delivered", code="", provider_at=START)
    asked = make_receipt("t", "delivered", code="7500", provider_at=START + timedelta(hours=1))
    facts = [make_fact(told, source=source), make_fact(asked, source=Source.RECONCILED)]
    one, other = (delivery_of(fact, receipt_of(fact), "t") for fact in facts)

    assert merge(one, other) == merge(other, one)
    assert (merge(one, other).raw_status, merge(one, other).reconciled) == ("Delivered", False)


def test_a_higher_rank_decides_though_it_was_asked_for() -> None:
    told = make_fact(make_receipt("t", "Submitted"))
    asked = make_fact(make_receipt("t", "delivered"), source=Source.RECONCILED)
    merged = reduce(merge, [delivery_of(each, receipt_of(each), "t") for each in (told, asked)])

    assert (merged.rank, merged.reconciled) == (DELIVERED.rank, True)


def test_when_we_asked_is_not_when_it_arrived() -> None:
    fact = make_fact(make_receipt("t", "delivered"), source=Source.RECONCILED)
    dated = make_fact(
        make_receipt("t", "delivered", provider_at=START - timedelta(hours=9)),
        source=Source.RECONCILED,
    )

    assert delivery_of(fact, receipt_of(fact), "t").arrived_at is None
    assert delivery_of(dated, receipt_of(dated), "t").arrived_at == START - timedelta(hours=9)


def receipt_of(fact: Fact) -> Receipt:
    assert isinstance(fact.body, Receipt)
    return fact.body


def test_a_recorded_destination_is_accepted_before_any_receipt() -> None:
    family = fold("t", [make_fact(make_send("t", "447700900123"))])

    assert [each.rank for each in family.deliveries.values()] == [ACCEPTED.rank]


def test_an_orphan_with_an_unknown_status_is_unknown() -> None:
    family = fold("t", [make_fact(make_receipt("t", "Zapped"))])

    assert [each.rank for each in family.deliveries.values()] == [UNKNOWN.rank]


def test_ids_made_later_sort_later() -> None:
    ids = [new_id() for _ in range(50)]

    assert all(each.version == 7 for each in ids)
    assert sorted(ids, key=lambda each: each.int >> 80) == ids
