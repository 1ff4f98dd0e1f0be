"""The service's address as a program or a browser sees it: requests over TCP, and bytes where a request would be too well-behaved."""
import http.client
import json
import socket
import urllib.parse


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.type = headers.get("Content-Type", "")

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %s %s" % (self.status, dict(self.headers), self.body[:2000])


class Client:
    """token: sent as a bearer's. cookie: kept from an answer that sets one, as a browser does."""

    def __init__(self, host, port, token=None, timeout=60):
        self.host, self.port, self.token, self.timeout = host, int(port), token, timeout
        self.cookie = None
        self.url = "http://%s:%d" % ("[%s]" % host if ":" in host else host, self.port)

    def as_(self, token):
        return Client(self.host, self.port, token, self.timeout)

    def request(self, method, target, body=None, headers=None):
        """headers: instead of those that a client sends by itself; None as a value leaves one out. Redirects are not followed."""
        sent = {"Authorization": self.token and "Bearer " + self.token, "Cookie": self.cookie}
        sent.update(headers or {})
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request(method, target, body=body, headers={key: value for key, value in sent.items() if value is not None})
            response = connection.getresponse()
            reply = Reply(response.status, response.headers, response.read())
        finally:
            connection.close()
        if reply.headers.get("Set-Cookie"):
            self.cookie = reply.headers["Set-Cookie"].split(";")[0]
        return reply

    def get(self, target, **headers):
        return self.request("GET", target, headers=named(headers))

    def post(self, target, body=None, **headers):
        """body: JSON, unless it is bytes or text."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("content_type", "application/json")
        return self.request("POST", target, body, named(headers))

    def form(self, target, fields, **headers):
        headers.setdefault("content_type", "application/x-www-form-urlencoded")
        return self.post(target, urllib.parse.urlencode(fields), **headers)

    def raw(self):
        """A connection for bytes."""
        return socket.create_connection((self.host, self.port), self.timeout)


def named(headers):
    """if_none_match -> If-None-Match"""
    return {key.replace("_", "-").title(): value for key, value in headers.items()}
