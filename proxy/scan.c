/*
 * `redcard scan`: the stream engine over a file, a recorded stream or standard input. The rules
 * only observe here, so one run finds everything; what serving would have done is the rule's
 * action.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/cli.h"
#include "proxy/gate.h"
#include "proxy/recording.h"
#include "proxy/verbs.h"

#define READ_BYTES 65536
#define FRAME_BYTES (1024 * 1024)
#define SNIFF_BYTES 4096

/*
 * A payload that does not begin as JSON is judged as text, which is right for a stream but hides a
 * wire that was named wrongly: so one payload at least has to begin as that wire's do.
 */
struct shape {
	enum framing framing;
	bool json; /* payloads are JSON; those of plain events need not be */
	bool seen; /* one was found */
	bool any;  /* a byte that is not blank was */
	size_t at; /* on the line: how much of "data:" was there, or SHAPE_OTHER */
};

struct scan {
	struct ruleset *set;
	struct gate_scratch scratch;
	const char *wire; /* as given: auto, chat, plain ... */
	bool json;
	bool found, failed;
	struct shape shape; /* of the file at hand */
	size_t files;
	struct buf out;
};

/* --- whether it is that wire at all --- */

#define SHAPE_OTHER 100
static const char data_field[] = "data:";

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void shape_byte(struct shape *s, char c)
{
	size_t field = s->framing == FRAMING_SSE ? sizeof(data_field) - 1 : 0;
	bool whole = s->framing == FRAMING_DOCUMENT || s->framing == FRAMING_ARRAY;
	s->any |= !blank(c);
	if (c == '\n' || c == '\r') {
		s->at = whole && s->any ? SHAPE_OTHER : 0;
	} else if (s->at < field) {
		s->at = c == data_field[s->at] ? s->at + 1 : SHAPE_OTHER;
		s->seen |= s->at == field && !s->json;
	} else if (s->at != SHAPE_OTHER && !blank(c)) {
		s->seen |= c == '[' || (c == '{' && s->framing != FRAMING_ARRAY);
		s->at = SHAPE_OTHER;
	}
}

static void shape_feed(struct shape *s, struct span text)
{
	if (!s->any && text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = (struct span){ text.p + 3, text.n - 3 };
	for (size_t i = 0; i < text.n && !s->seen; i++)
		shape_byte(s, text.p[i]);
}

static const char *shape_fault(const struct shape *s)
{
	switch (s->framing) {
	case FRAMING_SSE: return s->json ? "no event with JSON" : "no event";
	case FRAMING_LINES: return "no line of JSON";
	case FRAMING_ARRAY: return "no array";
	case FRAMING_DOCUMENT: return "no JSON";
	case FRAMING_NONE:
	case FRAMING_COUNT: break;
	}
	return "";
}

/* --- reporting --- */

static void put_text(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "\"%s\":\"", key);
	buf_add_json(out, span_of(value));
	buf_add_text(out, "\",");
}

static void report_json(struct scan *s, const char *name, struct gate *g, const char *fault)
{
	size_t n;
	const struct card *cards = judge_cards(gate_judge(g), &n);
	const struct gate_record *r = gate_record(g);
	buf_add_text(&s->out, s->files++ ? ", {" : "{");
	put_text(&s->out, "file", name);
	put_text(&s->out, "framing", framing_names[wire_framing(gate_wire(g))]);
	put_text(&s->out, "dialect", dialect_names[wire_dialect(gate_wire(g))]);
	if (fault[0])
		put_text(&s->out, "error", fault);
	buf_printf(&s->out, "\"received_bytes\":%llu,\"judged_bytes\":%llu,\"findings\":[",
		   (unsigned long long)r->received, (unsigned long long)r->judged);
	for (size_t i = 0; i < n; i++) {
		const struct rule_info *rule = ruleset_rule(s->set, cards[i].rule);
		char channel[64];
		channel_name(wire_channel(gate_wire(g), cards[i].channel), channel);
		buf_add_text(&s->out, i ? ",{" : "{");
		put_text(&s->out, "rule", rule->id);
		put_text(&s->out, "title", rule->title);
		put_text(&s->out, "severity", severity_names[rule->severity]);
		put_text(&s->out, "action", action_names[rule->action]);
		put_text(&s->out, "channel", channel);
		buf_printf(&s->out, "\"text_offset\":%llu,\"text_length\":%u,\"raw_offset\":%llu}",
			   (unsigned long long)cards[i].text_off, cards[i].text_len,
			   (unsigned long long)cards[i].raw_off);
	}
	buf_add_text(&s->out, "]}");
}

static void report_text(struct scan *s, const char *name, struct gate *g)
{
	size_t n;
	const struct card *cards = judge_cards(gate_judge(g), &n);
	for (size_t i = 0; i < n; i++) {
		const struct rule_info *rule = ruleset_rule(s->set, cards[i].rule);
		char channel[64];
		channel_name(wire_channel(gate_wire(g), cards[i].channel), channel);
		printf("%s: byte %llu (%s): %s: %s, %s, %s\n", name,
		       (unsigned long long)cards[i].raw_off, channel, rule->id,
		       severity_names[rule->severity], action_names[rule->action], rule->title);
	}
	uint64_t all = judge_counts(gate_judge(g))->cards;
	if (all > n)
		printf("%s: and %llu more\n", name, (unsigned long long)(all - n));
}

/* --- scanning --- */

static ssize_t read_some(int fd, char *p, size_t n)
{
	ssize_t got;
	do {
		got = read(fd, p, n);
	} while (got < 0 && errno == EINTR);
	return got;
}

static struct gate *open_gate(struct scan *s, struct span start)
{
	struct gate_options options = {
		.ruleset = s->set,
		.observe = true,
		.frame_bytes = FRAME_BYTES,
		.document_bytes = FRAME_BYTES,
	};
	recording_wire(s->wire, start, &options.framing, &options.dialect);
	s->shape =
		(struct shape){ .framing = options.framing, .json = strcmp(s->wire, "sse") != 0 };
	s->shape.seen = options.framing == FRAMING_NONE || strcmp(s->wire, "auto") == 0;
	return gate_new(&options);
}

static int scan_descriptor(struct scan *s, int fd, struct gate **out)
{
	char *block = malloc(READ_BYTES);
	struct gate *g = NULL;
	struct gate_out gone;
	ssize_t n = block ? 0 : -1;
	errno = block ? 0 : ENOMEM;
	while (n >= 0) {
		n = read_some(fd, block, READ_BYTES);
		if (n < 0)
			break;
		if (!g)
			g = open_gate(s, (struct span){ block, min_size((size_t)n, SNIFF_BYTES) });
		if (!g) {
			errno = ENOMEM;
			n = -1;
		} else if (n == 0) {
			(void)gate_finish(g, &s->scratch, &gone);
			break;
		} else {
			shape_feed(&s->shape, (struct span){ block, (size_t)n });
			(void)gate_feed(g, &s->scratch, block, (size_t)n, &gone);
		}
	}
	int error = n < 0 ? -errno : 0;
	free(block);
	if (error)
		gate_free(g);
	else
		*out = g;
	return error;
}

static void scan_file(struct scan *s, const char *name)
{
	bool is_stdin = strcmp(name, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	struct gate *g = NULL;
	int error = fd < 0 ? -errno : scan_descriptor(s, fd, &g);
	if (fd >= 0 && !is_stdin)
		close(fd);
	if (error) {
		fprintf(stderr, "redcard scan: %s: %s; %s\n", name, strerror(-error),
			recording_remedy(error));
		s->failed = true;
		return;
	}
	bool misnamed = s->shape.any && !s->shape.seen;
	const char *fault = misnamed ? shape_fault(&s->shape) : gate_reason(g);
	s->found |= judge_counts(gate_judge(g))->cards > 0;
	if (s->json)
		report_json(s, name, g, fault);
	else
		report_text(s, name, g);
	if (fault[0]) {
		enum framing seen = wire_framing(gate_wire(g));
		const char *wire = strcmp(s->wire, "auto") != 0 ? s->wire
				   : seen == FRAMING_DOCUMENT   ? "json"
								: framing_names[seen];
		fprintf(stderr,
			"redcard scan: %s: not judged as %s: %s at byte %llu; --wire plain judges it as text\n",
			name, wire, fault,
			misnamed ? 0ULL : (unsigned long long)gate_record(g)->judged);
		s->failed = true;
	}
	gate_free(g);
}

static int load_rules(struct scan *s, const char *policy)
{
	struct buf errors = { 0 };
	int error = ruleset_load(policy, &s->set, &errors);
	if (error)
		fprintf(stderr, "%.*s", (int)errors.n, errors.p);
	buf_fini(&errors);
	return error ? error : gate_scratch_init(&s->scratch, s->set);
}

int scan_main(int argc, char **argv)
{
	const char *policy = "builtin";
	struct scan s = { .wire = "auto" };
	const struct cli_option options[] = {
		{ .name = "policy",
		  .letter = 'p',
		  .value = "FILE",
		  .text = &policy,
		  .help = "the policy (builtin)" },
		{ .name = "wire",
		  .letter = 'w',
		  .value = "WIRE",
		  .text = &s.wire,
		  .help = RECORDING_WIRES " (auto)" },
		{ .name = "json", .flag = &s.json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "scan",
		.summary = "Judges files or recorded streams; exits with 1 when a rule matched.",
		.operands = "FILE|-...",
		.operands_min = 1,
		.operands_max = 100000,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard scan src/main.py\n"
			    "  redcard scan --wire chat answer.sse\n"
			    "  git diff | redcard scan --json -\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (!recording_wire_known("scan", s.wire))
		return EXIT_TOOL;
	if (load_rules(&s, policy) != 0)
		return EXIT_TOOL;
	for (size_t i = 0; i < cli.n; i++)
		scan_file(&s, cli.v[i]);
	if (s.json)
		printf("[%.*s]\n", (int)s.out.n, s.out.p ? s.out.p : "");
	buf_fini(&s.out);
	gate_scratch_fini(&s.scratch);
	ruleset_unref(s.set);
	if (s.failed)
		return EXIT_TOOL;
	return s.found ? EXIT_FINDING : EXIT_CLEAN;
}
