"""A service that answers on the control socket as a test wants it to, and remembers what it was asked."""
import http.server
import json
import socketserver
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "socket"

    def log_message(self, *_):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, body))
        status, answer = self.server.answers(self.command, self.path, body)
        kind = "application/problem+json" if status >= 400 else "application/json"
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer


class Service(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path, answers):
        """answers(method, target, body) -> (status, document)"""
        super().__init__(str(path), Handler)
        self.answers, self.asked = answers, []
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def get_request(self):
        request, _ = super().get_request()
        return request, ("socket", 0)

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


def problem(status, detail):
    return status, {"type": "about:blank", "title": "x", "status": status, "detail": detail}
