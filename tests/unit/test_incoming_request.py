"""When a request that arrives in parts is ready for a thread."""

import pytest

from trackway.server.gunicorn.incoming_request import MAX_BODY_BYTES, IncomingRequest

POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
COMPLETE = [
    b"GET / HTTP/1.1\r\n\r\n",
    POST + b"Content-Length: 0\r\n\r\n",
    POST + b"content-length:5 \r\n\r\nhello",
    POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;name=value\r\n0123456789\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: 1\r\nOther: 2\r\n\r\n",
]
NOT_WAITED_FOR = [
    POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
    POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (MAX_BODY_BYTES + 1),
    POST + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    POST + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\nx",
    POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe..",
]


@pytest.mark.parametrize("size", [1, 3, 10_000])
@pytest.mark.parametrize("data", COMPLETE + NOT_WAITED_FOR)
def test_a_request_is_ready_with_its_last_byte(data, size):
    request = IncomingRequest()
    for start in range(0, len(data), size):
        assert not request.is_ready, data[:start]
        request.add(data[start : start + size])
    assert request.is_ready
    assert request.data == data


@pytest.mark.parametrize("data", COMPLETE)
def test_more_requests_behind_it_change_nothing(data):
    assert IncomingRequest(data + data).is_ready


@pytest.mark.parametrize("data", COMPLETE)
def test_without_its_last_byte_it_is_not_ready(data):
    assert not IncomingRequest(data[:-1]).is_ready


def test_a_head_without_an_end_is_not_waited_for():
    request = IncomingRequest(b"GET /" + b"x" * 1000)
    for _ in range(3000):
        request.add(b"x" * 1000)
    assert request.is_ready
    assert not request.has_head
