"""A scripted OpenAI-compatible server on loopback that misbehaves when told to, and counts."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fault = str  # one of FAULTS, or "" for an answer
# what to do with a request's body: None (go on), or (status, JSON or text, headers) in its place
Odd = Callable[[dict], tuple[int, object, dict[str, str]] | None]
FAULTS = (
    *("429", "500", "reset", "stall", "truncated", "empty", "wrong model", "filter", "length"),
)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Say nothing: clients are killed on purpose."""


class Teacher:
    """What the server does with a request, and what it has seen."""

    def __init__(
        self,
        reply: Callable[[str, int], str] = lambda prompt, number: f"so it is {number}. ",
        fault: Callable[[str, int], Fault] = lambda prompt, number: "",
        model: str = "scripted",
        heeds_n: bool = True,
        tells_usage: bool = True,
        odd: Odd = lambda body: None,
    ) -> None:
        self.odd = odd
        self.bodies: list[dict] = []
        self.tells_usage = tells_usage
        self.reply, self.fault, self.model, self.heeds_n = reply, fault, model, heeds_n
        self.seen: Counter[str] = Counter()  # requests by prompt
        self.answered: Counter[str] = Counter()  # samples by prompt
        self.charged = 0  # tokens of all responses, of use or not
        self.keys: set[str] = set()
        self.times: list[float] = []
        self.most_at_once = 0
        self._now = 0
        self.lock = threading.Lock()

    @contextmanager
    def serving(self):
        """Serve on a free port of this machine; yields the base URL."""
        teacher = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                with teacher.lock:
                    teacher._now += 1
                    teacher.most_at_once = max(teacher.most_at_once, teacher._now)
                try:
                    teacher.handle(self)
                finally:
                    with teacher.lock:
                        teacher._now -= 1

            def log_message(self, *_):
                pass

        server = Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            server.server_close()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        is_chat = request.path.endswith("/chat/completions")
        prompt = body["messages"][0]["content"] if is_chat else body["prompt"]
        with self.lock:
            self.keys.add(request.headers.get("Authorization", ""))
            self.times.append(time.monotonic())
            self.bodies.append(body)
            number = self.seen[prompt]
            self.seen[prompt] += 1
        odd = self.odd(body)
        if odd is not None:
            status, said, headers = odd
            self._send(
                request, status, said if isinstance(said, str) else json.dumps(said), headers
            )
            return
        fault = self.fault(prompt, number)
        if fault == "stall":
            time.sleep(10.0)  # longer than the test waits for a reply
            fault = "reset"
        if fault == "reset":
            request.close_connection = True
            request.connection.close()
            return
        if fault in ("429", "500", "401", "404"):
            headers = {"Retry-After": "0.2"} if fault == "429" else {}
            # careless servers repeat the key in what they say
            message = f"{fault} for {request.headers.get('Authorization', '')}"
            self._send(request, int(fault), json.dumps({"error": {"message": message}}), headers)
            return
        text = json.dumps(self._response(body, prompt, fault, is_chat))
        self._send(request, 200, text[: len(text) // 2] if fault == "truncated" else text)

    def _response(self, body: dict, prompt: str, fault: Fault, is_chat: bool) -> dict:
        asked = body.get("n", 1) if self.heeds_n else 1
        n = 0 if fault == "empty" else asked
        with self.lock:
            first = body.get("seed", self.answered[prompt])
            is_answer = fault in ("", "length")
            self.answered[prompt] += n if is_answer else 0
        finish = {"filter": "content_filter", "length": "length"}.get(fault, "stop")
        choices = []
        for k in range(first, first + n):
            said = self.reply(prompt, k)
            said = dict(said) if isinstance(said, dict) else {"content": said}
            finish = said.pop("finish", finish)
            one = (
                {"message": {"role": "assistant"} | said} if is_chat else {"text": said["content"]}
            )
            choices.append({"index": k - first, "finish_reason": finish} | one)
        usage = {"prompt_tokens": 10, "completion_tokens": 5 * n, "total_tokens": 10 + 5 * n}
        with self.lock:
            self.charged += usage["total_tokens"]
        return {
            "id": f"request-{sum(self.seen.values())}",
            "object": "chat.completion" if is_chat else "text_completion",
            "created": 0,
            "model": "another" if fault == "wrong model" else self.model,
            "choices": choices,
            "usage": usage if self.tells_usage else None,
        }

    @staticmethod
    def _send(request, status: int, text: str, headers: dict | None = None) -> None:
        raw = text.encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(raw)))
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(raw)
