"""Artifact locations: which are taken, and the sentences for those that are not."""

import pytest

from trackway.client_compat import uris
from trackway.client_compat.errors import InvalidParameter

UNREADABLE = ["http://[", "http://[::1/x", "s3://[bucket/x", "file://[/x", "runs://[x", "http://a\u2100b/x"]


@pytest.mark.parametrize("uri", UNREADABLE)
def test_text_that_cannot_be_taken_apart_is_no_location(uri):
    with pytest.raises(InvalidParameter, match="'artifact_location' is not a valid URI: "):
        uris.check_location(uri)


@pytest.mark.parametrize(
    "uri", ["", "folder/x", "/tmp/x", "file:///tmp/x", "s3://bucket/x", "http://[::1]:80/x"]
)
def test_a_path_or_a_whole_uri_is_a_location(uri):
    uris.check_location(uri)
