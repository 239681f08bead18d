"""What the platform's codes mean. Source: CONTRACT.md 2.4."""

from itertools import chain

import pytest

from receiver.domain.blame import Blame
from receiver.platform.codes import CODES, find, text_of

#: By channel the codes that the platform documents, or that its samples have; a range is inclusive.
DOCUMENTED = {
    "twitter": "7000-7007 7009 7020 7104 7108 7200 7500-7502 7519 7528",
    "sms": "7004 7006 7101 7102 7107 7109 7201-7211 7111 7280-7284 7302 7513 7518 7607 7720",
    "email": "7500-7502 7520-7524 7528 7535 7536 7240 7241 7553 7554",
    "voice": "7401 7402 7404-7412 7519 7005 7208 7016 7022 7101 7102 7107 7126 7127 8009",
    "push": "7500-7518 7537-7551 7560 7562-7566 7569-7571 7577 7578 7880-7892 7003 7105 7404",
    "rt": "7500-7502 7000 7006 7010 7011 7301 7304 7305 7307-7312 7003 7004 7026 7034 7703 7704"
    " 7706 7708 7105",
    "whatsapp": "7500-7502 7200 7010 7011 7701 7703-7707 7710-7715 7717 7721-7723 7726 7727"
    " 7729-7731 7733 7736 7802-7805 7808 7809 7811-7816 7819-7821 7830 7832-7840 7842 7845 7846"
    " 7849 7854 7860-7863 7865 7868-7872 7874 7737",
    "messenger": "7000 7006 7010 7011 7301 7303 7313 7500-7502 7526 2018336 2018047",
    "rcs": "7000 7006 7010 7011 7301 7307 7500-7502 7740 7318-7331 7334",
    "apple": "7000 7006 7010 7011 7301 7307 7316 7314 7317 7501 7722 7738",
    "mms": "7010 7144-7148 7212-7239 7242-7272",
    "instagram": "7000 7006 7010 7011 7301-7307 7313 7500-7502 7526",
    "googlebusiness": "7500-7502 7900-7917",
    "": "9000-9007 9010",
}


def listed(said: str) -> list[str]:
    ends = (part.partition("-") for part in said.split())
    return [str(n) for first, _, last in ends for n in range(int(first), int(last or first) + 1)]


@pytest.mark.parametrize("channel", DOCUMENTED)
def test_every_documented_code_is_explained(channel: str) -> None:
    unknown = [code for code in listed(DOCUMENTED[channel]) if not text_of(channel, code)]

    assert unknown == []


def test_texts_are_one_short_line() -> None:
    for code in chain.from_iterable(codes.values() for codes in CODES.values()):
        assert code.text == code.text.strip()
        assert 3 < len(code.text) < 72
        assert code.text[-1] != "."


@pytest.mark.parametrize(
    ("channel", "code", "blame", "text"),
    [
        pytest.param("sms", "7207", Blame.HANDSET, "Out of coverage or not reachable", id="own"),
        pytest.param("sms", "7513", Blame.HANDSET, "Unregistered device", id="shared"),
        pytest.param("sms", "7302", Blame.SENDER, "Rate limit exceeded", id="one-meaning"),
        pytest.param("whatsapp", "7200", Blame.NETWORK, "Unknown status, see", id="own-first"),
        pytest.param("rcs", "7200", Blame.PLATFORM, "Unknown status", id="every"),
        pytest.param("", "7207", Blame.HANDSET, "Out of coverage", id="no-channel"),
    ],
)
def test_a_code_means_what_its_channel_says(
    channel: str, code: str, blame: Blame, text: str
) -> None:
    found = find(channel, code)

    assert found
    assert found.blame is blame
    assert found.text.startswith(text)


@pytest.mark.parametrize(
    ("channel", "code"),
    [("sms", ""), ("sms", "1"), ("twitter", "7518"), ("twitter", "7703")],
    ids=["none", "unknown", "two-meanings", "two-channels"],
)
def test_what_nobody_explained_has_no_text(channel: str, code: str) -> None:
    assert text_of(channel, code) is None
