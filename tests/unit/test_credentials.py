"""Parsers of credentials: whatever a client sends is a credential, none, or refused with a sentence."""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.server.auth import api_tokens, browsers
from trackway.server.auth.credentials import SESSION_COOKIE, Credential, Malformed, presented, session_of

# A header as WSGI passes it: bytes decoded as Latin-1.
HEADERS = st.text(st.characters(max_codepoint=255), max_size=300)
LONG = 1024 * 1024


def credential_of(header: str) -> Credential | None:
    """Return the credential in an Authorization header, or None if the header is refused."""
    try:
        return presented({"HTTP_AUTHORIZATION": header})
    except Malformed:
        return None


def check(found: Credential | None) -> None:
    """Check what the gate relies on."""
    if found is None:
        return
    assert "\0" not in found.name
    if found.kind == "password":
        assert "\0" not in found.secret
        # Databases and hashes take UTF-8.
        found.name.encode()
        found.secret.encode()
    if found.kind == "token":
        api_tokens.id_of(found.secret)


@settings(max_examples=300, deadline=None)
@given(HEADERS)
def test_any_header_is_read_or_refused(header):
    check(credential_of(header))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["Basic", "basic", "BASIC", "Bearer", "bearer"]), st.binary(max_size=300), st.booleans()
)
def test_any_bytes_as_credentials_are_read_or_refused(scheme, data, is_encoded):
    value = base64.b64encode(data).decode() if is_encoded else data.decode("latin-1")
    check(credential_of(f"{scheme} {value}"))


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.characters(exclude_characters=":\0", exclude_categories=["Cs"]), max_size=50),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50),
)
def test_a_name_and_a_password_are_read_as_they_were_sent(name, password):
    header = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    assert credential_of(header) == Credential("password", password, name)


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "Basic",
        "Bearer",
        "Bearer ",
        "Basic " + "A" * LONG,
        "Bearer " + "A" * LONG,
        "Basic " + base64.b64encode(b"a" * LONG + b":b").decode(),
        "Basic " + base64.b64encode(b"alice\0:password").decode(),
        "Basic " + base64.b64encode(b"alice:pass\0word").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic YTpi\u00e9",
        "Basic YTpi YTpi",
        "Digest username=alice",
        "Token abc",
        "tw_" + "a" * 60,
    ],
)
def test_what_is_no_credential_is_refused(header):
    with pytest.raises(Malformed):
        presented({"HTTP_AUTHORIZATION": header})


def test_a_request_with_a_header_is_never_identified_by_its_cookie():
    cookie = f"{SESSION_COOKIE}=abc"
    assert presented({"HTTP_COOKIE": cookie}) == Credential("session", "abc")
    with pytest.raises(Malformed):
        presented({"HTTP_COOKIE": cookie, "HTTP_AUTHORIZATION": ""})


@settings(max_examples=300, deadline=None)
@given(HEADERS)
def test_any_cookie_has_a_session_or_none(text):
    for cookie in (text, f"{SESSION_COOKIE}={text}", f"a=b; {SESSION_COOKIE}={text}; {SESSION_COOKIE}=x"):
        session = session_of({"HTTP_COOKIE": cookie})
        api_tokens.digest(session)
        browsers.csrf_token(session)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=100))
def test_any_text_is_a_token_or_not(text):
    assert api_tokens.id_of(text) is None
    assert api_tokens.id_of("tw_" + text) is None


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_token_with_another_character_is_no_token(data):
    text = api_tokens.make().text
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(string.ascii_letters + string.digits + "_-. \n\u0660\uff10"))
    changed = text[:at] + other + text[at + 1 :]
    assert api_tokens.id_of(changed) is None or changed == text
    for extra in ("\n", " ", "_", "\0", "0"):
        assert api_tokens.id_of(text + extra) is None
        assert api_tokens.id_of(extra + text) is None


def test_tokens_differ_and_are_found_by_their_id():
    made = [api_tokens.make() for _ in range(50)]
    assert len({token.text for token in made}) == len({token.digest for token in made}) == 50
    assert all(api_tokens.id_of(token.text) == token.token_id for token in made)
