"""Takes webhooks, if the specification's own library finds them signed by the secret: 204, else 401."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

host, port = sys.argv[1].rsplit(":", 1)
webhook = Webhook(sys.argv[2])


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            webhook.verify(body, {name.lower(): value for name, value in self.headers.items()})
            status = 204
        except Exception as error:
            print(f"refused: {error!r}", flush=True)
            status = 401
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


ThreadingHTTPServer((host, int(port)), Receiver).serve_forever()
