"""Streams of our own making in every wire, and an independent reading of what a client makes of a stream.

A Stream writes frames (bytes that a client acts on as a whole); read() turns a received body into what a person would
see: text, tool arguments, how it ended. The reader is strict where the official clients are strict.
"""
import base64
import json

SECRET_BODY = "Zk3" + "9fQ" + "71bW" + "x8Lm" + "2Rt" + "6Vy" + "0Hs4Np"


def secret(kind="demo"):
    """A token that no scanner knows and that the scenarios' own policy forbids, put together at run time."""
    return "rc" + "tok" + "_" + kind + "_" + SECRET_BODY


def access_key():
    """Has the shape of a cloud access key, for the rules that ship."""
    return "AK" + "IA" + "Q3EG" + "RZ7T" + "WLKD" + "54VN"


def encoded(text, how):
    """The text in encodings, the innermost first: "hex, base64" is base64 of hex."""
    for one in how.split(", "):
        data = text.encode()
        if one == "hex":
            text = data.hex()
        elif one == "percent":
            text = "".join("%%%02X" % c for c in data)
        elif one == "partly percent":
            text = "".join("%%%02x" % c if i % 7 == 3 or not chr(c).isalnum() else chr(c) for i, c in enumerate(data))
        else:
            text = {"base64": base64.b64encode, "base64url": base64.urlsafe_b64encode}[one](data).decode()
    return text


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def event(data, name=None):
    return ((f"event: {name}\n" if name else "") + f"data: {compact(data)}\n\n").encode()


class Stream:
    """Base: subclasses write one wire. open() frames, then text()/tool() frames, then close() frames."""
    content_type = "text/event-stream"
    reads_graceful = "content_filter"

    def open(self):
        return b""

    def close(self):
        return b""

    def whole(self, texts):
        return [f for f in [self.open(), *[self.text(t) for t in texts], self.close()] if f]


class Chat(Stream):
    wire, path = "chat", "/v1/chat/completions"

    def chunk(self, delta, finish=None, choice=0):
        return event({"id": "chatcmpl-rc1", "object": "chat.completion.chunk", "created": 1760000000,
                      "model": "builder-1",
                      "choices": [{"index": choice, "delta": delta, "finish_reason": finish}]})

    def open(self):
        return self.chunk({"role": "assistant", "content": ""})

    def text(self, text, choice=0):
        return self.chunk({"content": text}, choice=choice)

    def tool(self, arguments, name=None, call=0, choice=0):
        tool = {"index": call, "function": {"arguments": arguments}}
        if name:
            tool = {"index": call, "id": f"call_{call}", "type": "function",
                    "function": {"name": name, "arguments": arguments}}
        return self.chunk({"tool_calls": [tool]}, choice=choice)

    def reasoning(self, text):
        return self.chunk({"reasoning_content": text})

    def close(self, choices=1, finish="stop"):
        return b"".join(self.chunk({}, finish, c) for c in range(choices)) + b"data: [DONE]\n\n"


class Responses(Stream):
    wire, path = "responses", "/v1/responses"

    def __init__(self):
        self.sequence, self.said, self.args = -1, "", ""

    def event(self, kind, **fields):
        self.sequence += 1
        return event({"type": kind, **fields, "sequence_number": self.sequence}, kind)

    def response(self, status, output=()):
        return {"id": "resp_rc1", "object": "response", "created_at": 1760000000, "status": status, "error": None,
                "incomplete_details": None, "model": "builder-1", "output": list(output), "parallel_tool_calls": True,
                "tool_choice": "auto", "tools": [], "usage": None, "metadata": {}}

    def open(self):
        item = {"id": "msg_rc1", "type": "message", "status": "in_progress", "content": [], "role": "assistant"}
        part = {"type": "output_text", "annotations": [], "text": ""}
        return (self.event("response.created", response=self.response("in_progress"))
                + self.event("response.output_item.added", item=item, output_index=0)
                + self.event("response.content_part.added", content_index=0, item_id="msg_rc1",
                             output_index=0, part=part))

    def text(self, text):
        self.said += text
        return self.event("response.output_text.delta", content_index=0, delta=text, item_id="msg_rc1",
                          output_index=0)

    def tool(self, arguments, name=None):
        head = b""
        if name:
            item = {"id": "fc_rc1", "type": "function_call", "status": "in_progress", "arguments": "",
                    "call_id": "call_1", "name": name}
            head = self.event("response.output_item.added", item=item, output_index=1)
        self.args += arguments
        return head + self.event("response.function_call_arguments.delta", delta=arguments,
                                 item_id="fc_rc1", output_index=1)

    def close(self):
        part = {"type": "output_text", "annotations": [], "text": self.said}
        item = {"id": "msg_rc1", "type": "message", "status": "completed", "content": [part], "role": "assistant"}
        return (self.event("response.output_text.done", content_index=0, item_id="msg_rc1", output_index=0,
                           text=self.said)
                + self.event("response.content_part.done", content_index=0, item_id="msg_rc1",
                             output_index=0, part=part)
                + self.event("response.output_item.done", item=item, output_index=0)
                + self.event("response.completed", response=self.response("completed", [item])))


class Messages(Stream):
    wire, path = "messages", "/v1/messages"
    reads_graceful = "refusal"

    def event(self, kind, **fields):
        return event({"type": kind, **fields}, kind)

    def open(self):
        message = {"id": "msg_rc1", "type": "message", "role": "assistant", "model": "builder-1", "content": [],
                   "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
        return (self.event("message_start", message=message)
                + self.event("content_block_start", index=0, content_block={"type": "text", "text": ""}))

    def text(self, text):
        return self.event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def tool(self, arguments, name=None):
        head = b""
        if name:
            block = {"type": "tool_use", "id": "toolu_rc1", "name": name, "input": {}}
            head = self.event("content_block_start", index=1, content_block=block)
        return head + self.event("content_block_delta", index=1,
                                 delta={"type": "input_json_delta", "partial_json": arguments})

    def close(self):
        return (self.event("content_block_stop", index=0)
                + self.event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None},
                             usage={"output_tokens": 7})
                + self.event("message_stop"))


class Gemini(Stream):
    wire, path = "gemini", "/v1beta/models/builder-1:streamGenerateContent?alt=sse"
    reads_graceful = "SAFETY"

    def element(self, parts, finish=None):
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        return {"candidates": [candidate], "modelVersion": "builder-1", "responseId": "rc1"}

    def text(self, text):
        return event(self.element([{"text": text}]))

    def tool(self, arguments, name="write_file"):
        return event(self.element([{"functionCall": {"name": name, "args": json.loads(arguments)}}]))

    def close(self):
        return event(self.element([{"text": ""}], "STOP"))


class GeminiArray(Gemini):
    wire, path = "gemini-array", "/v1beta/models/builder-1:streamGenerateContent"
    content_type = "application/json; charset=UTF-8"

    def __init__(self):
        self.first = True

    def write(self, element):
        head, self.first = b"[" if self.first else b"\n,\n", False
        return head + json.dumps(element, indent=2).encode()

    def text(self, text):
        return self.write(self.element([{"text": text}]))

    def tool(self, arguments, name="write_file"):
        return self.write(self.element([{"functionCall": {"name": name, "args": json.loads(arguments)}}]))

    def close(self):
        return self.write(self.element([{"text": ""}], "STOP")) + b"\n]"


class Ollama(Stream):
    wire, path = "ndjson", "/api/chat"
    content_type = "application/x-ndjson"

    def line(self, text, calls=None, **more):
        message = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
        return (compact({"model": "builder-1", "created_at": "2026-01-01T00:00:00Z", "message": message,
                         "done": False, **more}) + "\n").encode()

    def text(self, text):
        return self.line(text)

    def tool(self, arguments, name="write_file"):
        return self.line("", [{"function": {"name": name, "arguments": json.loads(arguments)}}])

    def close(self):
        return self.line("", done=True, done_reason="stop")


class Plain(Stream):
    wire, path = "plain", "/plain"
    content_type = "text/plain; charset=utf-8"

    def text(self, text):
        return text.encode()

    def close(self):
        return b"\n"


STREAMS = {c.wire: c for c in (Chat, Responses, Messages, Gemini, GeminiArray, Ollama, Plain)}


def stream(wire):
    return STREAMS[wire]()


def document(wire, text):
    """A whole, not streamed, answer of the same API."""
    if wire == "chat":
        return compact({"id": "chatcmpl-rc1", "object": "chat.completion", "created": 1760000000,
                        "model": "builder-1", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}).encode()
    if wire == "messages":
        return compact({"id": "msg_rc1", "type": "message", "role": "assistant", "model": "builder-1",
                        "stop_reason": "end_turn",
                        "stop_sequence": None, "content": [{"type": "text", "text": text}],
                        "usage": {"input_tokens": 9, "output_tokens": 7}}).encode()
    if wire == "responses":
        s = Responses()
        part = {"type": "output_text", "annotations": [], "text": text}
        return compact(s.response("completed",
                                  [{"id": "msg_rc1", "type": "message", "status": "completed", "content": [part],
                                                 "role": "assistant"}])).encode()
    return compact(Gemini().element([{"text": text}], "STOP")).encode()


class Reading:
    """What a client saw. ended: None when the stream just stops."""

    def __init__(self):
        self.text, self.arguments, self.events, self.faults = {}, {}, 0, []
        self.ended, self.error, self.card = None, None, None

    def add(self, where, key, text):
        where[key] = where.get(key, "") + (text or "")

    @property
    def said(self):
        return "".join(self.text[k] for k in sorted(self.text))


def sse(body):
    """(name, data) pairs as a browser would dispatch them, and the bytes after the last blank line."""
    text = body.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    blocks = text.split("\n\n")
    found = []
    for block in blocks[:-1]:
        name, data = None, []
        for line in block.split("\n"):
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if data:
            found.append((name, "\n".join(data)))
    return found, blocks[-1]


def read(wire, body):
    r = Reading()
    if wire == "plain":
        r.add(r.text, 0, body.decode("utf-8", "replace"))
        return r
    if wire == "ndjson":
        return read_lines(r, body)
    if wire == "gemini-array":
        return read_array(r, body)
    events, rest = sse(body)
    if rest.strip() and not rest.startswith(":"):
        r.faults.append(f"bytes after the last blank line: {rest[:80]!r}")
    take = {"chat": take_chat, "responses": take_responses, "messages": take_messages, "gemini": take_gemini}[wire]
    r.open_blocks, r.done = set(), False
    for name, data in events:
        r.events += 1
        if r.done:
            r.faults.append(f"an event after the end: {data[:80]}")
        if wire == "chat" and data == "[DONE]":
            r.done = True
            continue
        try:
            value = json.loads(data)
        except ValueError:
            r.faults.append(f"not JSON: {data[:80]}")
            continue
        take(r, name, value)
    if wire == "chat" and r.ended and not r.done:
        r.faults.append("no [DONE]")
    return r


def take_chat(r, _, v):
    if "error" in v:
        r.ended, r.error = "error", v["error"]
        return
    for c in v.get("choices", []):
        r.add(r.text, c["index"], c["delta"].get("content"))
        for t in c["delta"].get("tool_calls") or []:
            r.add(r.arguments, (c["index"], t["index"]), t["function"].get("arguments"))
        if c.get("finish_reason"):
            r.ended = c["finish_reason"]


def take_responses(r, name, v):
    kind = v.get("type")
    if name != kind:
        r.faults.append(f"event {name} carries {kind}")
    if kind == "response.output_text.delta":
        r.add(r.text, v["output_index"], v["delta"])
    elif kind == "response.function_call_arguments.delta":
        r.add(r.arguments, v["output_index"], v["delta"])
    elif kind == "response.completed":
        r.ended, r.done = "completed", True
    elif kind == "response.incomplete":
        r.ended, r.done = v["response"]["incomplete_details"]["reason"], True
    elif kind in ("response.failed", "error"):
        r.ended, r.error, r.done = "error", (v.get("response") or v).get("error") or v, True


def take_messages(r, name, v):
    kind = v.get("type")
    if name != kind:
        r.faults.append(f"event {name} carries {kind}")
    if kind == "content_block_start":
        r.open_blocks.add(v["index"])
    elif kind == "content_block_delta":
        if v["index"] not in r.open_blocks:
            r.faults.append(f"a delta for block {v['index']}, which is not open")
        where = r.arguments if v["delta"]["type"] == "input_json_delta" else r.text
        r.add(where, v["index"], v["delta"].get("text") or v["delta"].get("partial_json"))
    elif kind == "content_block_stop":
        r.open_blocks.discard(v["index"])
    elif kind == "message_delta":
        if r.open_blocks:
            r.faults.append(f"message_delta while blocks {sorted(r.open_blocks)} are open")
        r.ended = v["delta"].get("stop_reason") or r.ended
    elif kind == "message_stop":
        r.done = True
    elif kind == "error":
        r.ended, r.error, r.done = "error", v["error"], True
        if not isinstance(v["error"].get("message"), str):
            r.faults.append("error without a string message")


def take_gemini(r, _, v):
    if "error" in v:
        r.ended, r.error = "error", v["error"]
        return
    for c in v.get("candidates", []):
        for p in c.get("content", {}).get("parts", []):
            r.add(r.text, c.get("index", 0), p.get("text"))
            if "functionCall" in p:
                r.add(r.arguments, c.get("index", 0), compact(p["functionCall"]["args"]))
        r.ended = c.get("finishReason") or r.ended


def read_lines(r, body):
    lines = body.split(b"\n")
    if lines[-1]:
        r.faults.append(f"half a line at the end: {lines[-1][:80]!r}")
    for line in filter(None, lines[:-1]):
        r.events += 1
        try:
            v = json.loads(line)
        except ValueError:
            r.faults.append(f"not JSON: {line[:80]!r}")
            continue
        if "error" in v:
            r.ended, r.error = "error", v["error"]
        else:
            r.add(r.text, 0, v.get("message", {}).get("content"))
            if v.get("done"):
                r.ended = v.get("done_reason", "done")
    return r


def read_array(r, body):
    try:
        elements = json.loads(body)
    except ValueError as e:
        r.faults.append(f"not a JSON array: {e}")
        return r
    for v in elements:
        r.events += 1
        take_gemini(r, None, v)
    return r
