/*
 * The events that the benchmarks send: Chat Completions frames of exactly FRAME_BYTES bytes whose
 * text is ordinary code. One size for all lets a reader find frames and time stamps by position,
 * which costs it next to nothing. The text is cut into pieces of at most FRAME_TEXT bytes; the
 * `obfuscation` field makes up the difference, which is what that field is for in a real stream.
 */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES 349
#define FRAME_TEXT 80
#define FRAME_BLOCK 129 /* frames that are written at once: 45,021 bytes */
#define FRAME_STAMP_AT 79
#define FRAME_STAMP_BYTES 19
#define FRAME_STAMP_BASE 1000000000000000000u /* added: a JSON number begins with no zero */
#define FRAME_DONE "data: [DONE]\n\n"

static const char frame_source[] =
	"from dataclasses import dataclass\nimport json\nimport os\n\n\n@dataclass\nclass Account:\n"
	"    owner: str\n    cents: int = 0\n\n    def deposit(self, cents: int) -> None:\n"
	"        if cents <= 0:\n            raise ValueError(\"a deposit is positive\")\n"
	"        self.cents += cents\n\n    def withdraw(self, cents: int) -> None:\n"
	"        if cents > self.cents:\n            raise ValueError(f\"{self.owner} has {self.cents}\")\n"
	"        self.cents -= cents\n\n\ndef transfer(source: Account, target: Account, cents: int) -> None:\n"
	"    source.withdraw(cents)\n    target.deposit(cents)\n\n\ndef load(path: str) -> dict[str, Account]:\n"
	"    if not os.path.exists(path):\n        return {}\n    with open(path, encoding=\"utf-8\") as file:\n"
	"        rows = json.load(file)\n    return {row[\"owner\"]: Account(**row) for row in rows}\n\n\n"
	"# The store is small enough to be written whole; a rename makes that atomic.\n"
	"def save(path: str, accounts: dict[str, Account]) -> None:\n    rows = [vars(a) for a in accounts.values()]\n"
	"    with open(path + \".new\", \"w\", encoding=\"utf-8\") as file:\n        json.dump(rows, file, indent=2)\n"
	"    os.replace(path + \".new\", path)\n\n\nasync function retry(url, options, tries = 3) {\n"
	"  for (let n = 0; n < tries; n++) {\n    const answer = await fetch(url, options);\n"
	"    if (answer.status !== 503) return answer;\n    await new Promise((done) => setTimeout(done, 100 << n));\n"
	"  }\n  throw new Error(`gave up on ${url} after ${tries} tries`);\n}\n\n"
	"SELECT owner, sum(cents) FROM entries WHERE day >= '2024-01-01' GROUP BY owner ORDER BY 2 DESC;\n\n";

/* Appends source text from *at (going round) as JSON until FRAME_TEXT characters stand in out;
 * returns the length. */
static inline size_t frame_text(size_t *at, char *out)
{
	size_t n = 0;
	while (n + 2 <= FRAME_TEXT) {
		char c = frame_source[*at];
		*at = (*at + 1) % (sizeof(frame_source) - 1);
		if (c == '\n' || c == '"' || c == '\\')
			out[n++] = '\\';
		out[n++] = c == '\n' ? 'n' : c;
	}
	return n;
}

/* Writes the frame with the text at *at, and moves *at on. */
static inline void frame_write(char out[FRAME_BYTES], size_t *at)
{
	static const char pad[] = "Kd8sPq2mZr7vLx4tBn9wHc3yFj6gTa1eUo5iRs0kWz";
	char text[FRAME_TEXT];
	char frame[FRAME_BYTES * 2];
	size_t n = frame_text(at, text);
	int used = snprintf(
		frame, sizeof(frame),
		"data: {\"id\":\"chatcmpl-%06x%06x\",\"object\":\"chat.completion.chunk\","
		"\"created\":%0*ju,\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,"
		"\"delta\":{\"content\":\"%.*s\"},\"logprobs\":null,\"finish_reason\":null}],"
		"\"obfuscation\":\"",
		0xb0a7u, 0x5eedu, FRAME_STAMP_BYTES, (uintmax_t)FRAME_STAMP_BASE, (int)n, text);
	size_t rest = FRAME_BYTES - (size_t)used - 4;
	if (used <= 0 || (size_t)used + 4 > FRAME_BYTES || rest > sizeof(pad) - 1) {
		fprintf(stderr, "frames: a frame does not fit: %d bytes and %zu of padding\n", used,
			rest);
		exit(2);
	}
	memcpy(out, frame, (size_t)used);
	memcpy(out + used, pad, rest);
	memcpy(out + FRAME_BYTES - 4, "\"}\n\n", 4);
}

static inline void frame_stamp(char *frame, uint64_t ns)
{
	ns += FRAME_STAMP_BASE;
	for (int i = FRAME_STAMP_BYTES - 1; i >= 0; i--, ns /= 10)
		frame[FRAME_STAMP_AT + i] = (char)('0' + ns % 10);
}

#endif
