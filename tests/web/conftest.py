"""Fixtures of the web's tests: one application on one database for most of them."""

from collections.abc import Iterator

import pytest

from receiver.store.points import Point
from tests.web.service import Caller, Service, make_caller, make_domain, make_point, running


@pytest.fixture(scope="session")
def service(database_url: str) -> Iterator[Service]:
    """The application; tests tell their data apart by domain or transid."""
    with running(database_url) as service:
        yield service


@pytest.fixture
def caller(service: Service) -> Caller:
    """A caller with all scopes, in a domain of its own."""
    return make_caller(service, domain=make_domain())


@pytest.fixture
def point(service: Service, caller: Caller) -> Point:
    """An integration point in the caller's domain."""
    return make_point(service, domain=caller.domain)
