"""Where a request came from, and lists of addresses that may send."""

from typing import Any

import pytest

from receiver.web.addresses import caller_of, is_among, network_of


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "expected"),
    [
        pytest.param("192.0.2.7", "", 0, "192.0.2.7", id="the peer"),
        pytest.param("192.0.2.7", "10.0.0.1", 0, "192.0.2.7", id="a header of nobody"),
        pytest.param("10.0.0.1", "192.0.2.7", 1, "192.0.2.7", id="one proxy"),
        pytest.param("10.0.0.1", "1.1.1.1, 192.0.2.7", 1, "192.0.2.7", id="made up before it"),
        pytest.param("10.0.0.1", "192.0.2.7,10.0.0.2", 2, "192.0.2.7", id="two proxies"),
        pytest.param("10.0.0.1", "192.0.2.7:4711", 1, "192.0.2.7", id="with a port"),
        pytest.param("10.0.0.1", "[2001:db8::7]:4711", 1, "2001:db8::7", id="v6 with a port"),
        pytest.param("10.0.0.1", "[2001:db8::7]", 1, "2001:db8::7", id="v6 in brackets"),
        pytest.param("::ffff:192.0.2.7", "", 0, "192.0.2.7", id="v4 as v6"),
        pytest.param("10.0.0.1", "192.0.2.7", 2, None, id="fewer than there should be"),
        pytest.param("10.0.0.1", "", 1, None, id="none where one should be"),
        pytest.param("10.0.0.1", "unknown", 1, None, id="no address"),
        pytest.param("10.0.0.1", "192.0.2.7, ", 1, None, id="an empty one"),
        pytest.param("10.0.0.1", "١٩٢.0.2.7", 1, None, id="other digits"),
        pytest.param("", "", 0, None, id="a socket without one"),
    ],
)
def test_the_caller_is_whom_our_outermost_proxy_names(
    peer: str, forwarded: str, proxies: int, expected: str | None
) -> None:
    environ: Any = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}

    found = caller_of(environ, proxies=proxies)

    assert (str(found) if found else None) == expected


@pytest.mark.parametrize(
    ("address", "listed", "expected"),
    [
        pytest.param("192.0.2.7", "192.0.2.7", True, id="itself"),
        pytest.param("192.0.2.8", "192.0.2.7", False, id="another"),
        pytest.param("192.0.2.0", "192.0.2.0/24", True, id="first"),
        pytest.param("192.0.2.255", "192.0.2.9/24", True, id="last, of a network named loosely"),
        pytest.param("192.0.3.0", "192.0.2.0/24", False, id="beyond"),
        pytest.param("2001:db8::ffff", "2001:db8::/64", True, id="v6"),
        pytest.param("2001:db8:0:1::", "2001:db8::/64", False, id="v6 beyond"),
        pytest.param("::ffff:192.0.2.7", "192.0.2.0/24", True, id="mapped, of a v4 network"),
        pytest.param("192.0.2.7", "::ffff:192.0.2.0/120", True, id="a network that is mapped"),
        pytest.param("192.0.2.7", "::/0", False, id="all of v6"),
        pytest.param("192.0.2.7", "no network", False, id="unreadable"),
        pytest.param("192.0.2.7", "", False, id="empty"),
    ],
)
def test_a_network_has_its_edges(address: str, listed: str, *, expected: bool) -> None:
    caller = caller_of({"REMOTE_ADDR": address}, proxies=0)

    assert is_among(caller, [listed]) is expected
    assert is_among(caller, ["198.51.100.1", listed]) is expected
    assert not is_among(None, [listed])


@pytest.mark.parametrize("text", ["192.0.2.0/33", "192.0.2", "2001:db8::/129", "", "a"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        network_of(text)
