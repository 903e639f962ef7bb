/*
 * `redcard scan`: the stream engine over files, folders, recorded streams or standard input. The
 * rules only observe here, so one run finds everything; what serving would have done is the rule's
 * action.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/baseline.h"
#include "proxy/cli.h"
#include "proxy/gate.h"
#include "proxy/policy_open.h"
#include "proxy/recording.h"
#include "proxy/report.h"
#include "proxy/verbs.h"
#include "proxy/walk.h"

#define FEED_BYTES 65536
#define BINARY_BYTES 8192 /* a NUL in the first of them: not text */
#define SNIFF_BYTES 4096

/*
 * A payload that does not begin as JSON is judged as text, which is right for a stream but hides a
 * wire that was named wrongly: so one payload at least has to begin as that wire's do.
 */
struct shape {
	enum framing framing;
	enum dialect dialect;
	bool json; /* payloads are JSON; those of plain events need not be */
	bool seen; /* one was found */
	bool any;  /* a byte that is not blank was */
	size_t at; /* on the line: how much of "data:" was there, or SHAPE_OTHER */
};

struct scan {
	struct ruleset *set;
	struct gate_scratch scratch;
	const char *wire; /* as given: auto, chat, plain ... */
	struct report report;
	struct baseline *baseline; /* what is known; NULL: none */
	struct baseline *fresh;    /* to be written; NULL: none */
	bool found, failed, shows_progress;
	bool unprinted;     /* a finding has no fingerprint: it is neither known nor written down */
	struct shape shape; /* of the file at hand */
	size_t allowed, known, binaries;
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

/* --- what is known already --- */

static bool marked(struct span line)
{
	return memmem(line.p, line.n, "redcard:allow", 13) ||
	       memmem(line.p, line.n, "gitleaks:allow", 14);
}

/* Whether a finding is known; it goes into the baseline that is to be written. Both go by the text
 * itself, which only stands in the pieces. */
static bool in_baseline(struct scan *s, const struct pieces *pieces, const struct card *card,
			const struct report_file *f)
{
	const struct baseline *keyed = s->fresh ? s->fresh : s->baseline;
	const char *rule = ruleset_rule(s->set, card->rule)->id;
	struct buf text = { 0 };
	char print[SHA256_HEX];
	bool ok = recording_text(pieces, card->channel, card->text_off,
				 card->text_off + card->text_len, &text) &&
		  baseline_print(keyed, f->name, rule,
				 (struct span){ text.p ? text.p : "", text.n }, print) == 0 &&
		  (!s->fresh || baseline_add(s->fresh, f->name, rule, print));
	buf_fini(&text);
	s->unprinted |= !ok;
	return ok && s->baseline && baseline_has(s->baseline, print);
}

/* What the baselines need; empty without one. */
static void decode(struct scan *s, struct span text, struct pieces *out)
{
	if (s->baseline || s->fresh)
		s->unprinted |= !recording_decode(text, s->shape.framing, s->shape.dialect,
						  RECORDING_FRAME_BYTES, out);
}

/* --- findings --- */

/* Where an offset stands: line and column from 1, and the line itself. */
static struct span place(struct span text, uint64_t off, struct finding *out)
{
	size_t at = min_size((size_t)off, text.n), start = 0;
	const char *newline;
	out->line = out->column = 1;
	while ((newline = memchr(text.p + start, '\n', at - start))) {
		start = (size_t)(newline - text.p) + 1;
		out->line++;
	}
	for (size_t i = start; i < at; i++)
		out->column += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	newline = memchr(text.p + at, '\n', text.n - at);
	size_t end = newline ? (size_t)(newline - text.p) : text.n;
	return (struct span){ text.p + start, end - start };
}

static uint32_t number_of(const struct card *cards, size_t i)
{
	uint32_t n = 1;
	for (size_t k = 0; k < i; k++)
		n += cards[k].rule == cards[i].rule;
	return n;
}

/* The cards that are news, as findings. */
static size_t findings_of(struct scan *s, struct gate *g, struct span text, struct report_file *f,
			  struct finding out[JUDGE_CARDS_MAX])
{
	size_t n, kept = 0;
	struct pieces pieces = { 0 };
	const struct card *cards = judge_cards(gate_judge(g), &n);
	if (n)
		decode(s, text, &pieces);
	for (size_t i = 0; i < n; i++) {
		struct finding *one = &out[kept];
		*one = (struct finding){ .rule = cards[i].rule,
					 .text_off = cards[i].text_off,
					 .text_len = cards[i].text_len,
					 .raw_off = cards[i].raw_off,
					 .number = number_of(cards, i) };
		card_channel(&cards[i], gate_wire(g), one->channel);
		if (marked(place(text, one->raw_off, one)))
			s->allowed++;
		else if ((s->baseline || s->fresh) && in_baseline(s, &pieces, &cards[i], f))
			s->known++;
		else
			kept++;
	}
	pieces_fini(&pieces);
	f->more = judge_counts(gate_judge(g))->cards - n;
	s->unprinted |= s->fresh && f->more;
	return kept;
}

/* --- scanning --- */

static void print(struct scan *s)
{
	struct buf *out = &s->report.out;
	if (out->failed || s->report.body.failed) {
		fputs("redcard scan: out of memory for the report; scan fewer files at once\n",
		      stderr);
		s->failed = true;
	}
	if (out->n)
		fwrite(out->p, 1, out->n, stdout);
	buf_clear(out);
}

static struct gate *judge_text(struct scan *s, const char *wire, struct span text)
{
	struct gate_options options = {
		.ruleset = s->set,
		.observe = true,
		.frame_bytes = RECORDING_FRAME_BYTES,
		.document_bytes = RECORDING_FRAME_BYTES,
	};
	struct span start = { text.p, min_size(text.n, SNIFF_BYTES) };
	recording_wire(wire, start, &options.framing, &options.dialect);
	struct gate *g = gate_new(&options);
	struct gate_out gone;
	if (!g)
		return NULL;
	for (size_t at = 0; at < text.n; at += FEED_BYTES)
		(void)gate_feed(g, &s->scratch, text.p + at, min_size(FEED_BYTES, text.n - at),
				&gone);
	(void)gate_finish(g, &s->scratch, &gone);
	s->shape = (struct shape){ .framing = options.framing,
				   .dialect = options.dialect,
				   .json = strcmp(wire, "sse") != 0 };
	s->shape.seen = options.framing == FRAMING_NONE || strcmp(wire, "auto") == 0;
	shape_feed(&s->shape, text);
	return g;
}

static void complain_fault(const struct scan *s, const struct report_file *f, bool misnamed)
{
	const char *wire = strcmp(s->wire, "auto") != 0     ? s->wire
			   : f->framing == FRAMING_DOCUMENT ? "json"
							    : framing_names[f->framing];
	fprintf(stderr,
		"redcard scan: %s: not judged as %s: %s at byte %llu; --wire plain judges it as text\n",
		f->name, wire, f->fault, misnamed ? 0ULL : (unsigned long long)f->judged);
}

static void report_gate(struct scan *s, const char *name, struct gate *g, struct span text)
{
	struct finding findings[JUDGE_CARDS_MAX];
	bool misnamed = s->shape.any && !s->shape.seen;
	struct report_file f = {
		.name = name,
		.fault = misnamed ? shape_fault(&s->shape) : gate_reason(g),
		.framing = wire_framing(gate_wire(g)),
		.dialect = wire_dialect(gate_wire(g)),
		.received = gate_record(g)->received,
		.judged = gate_record(g)->judged,
		.v = findings,
	};
	f.n = findings_of(s, g, text, &f, findings);
	s->report.files++;
	s->report.findings += f.n;
	s->report.files_found += f.n > 0;
	s->report.faults += f.fault[0] != '\0';
	s->found |= f.n > 0 || f.more > 0;
	s->report.format->file(&s->report, &f);
	print(s);
	if (f.fault[0])
		complain_fault(s, &f, misnamed);
	s->failed |= f.fault[0] != '\0';
}

static bool is_binary(struct span text)
{
	return memchr(text.p, 0, min_size(text.n, BINARY_BYTES)) != NULL;
}

/* A file that was met in a folder is no recorded stream by promise: binaries are left out, and what
 * looks like a wire and is not is judged as text. */
static void scan_text(struct scan *s, const char *name, struct span text, bool met)
{
	if (met && is_binary(text)) {
		s->binaries++;
		return;
	}
	struct gate *g = judge_text(s, s->wire, text);
	if (g && met && gate_reason(g)[0] && strcmp(s->wire, "auto") == 0) {
		gate_free(g);
		g = judge_text(s, "plain", text);
	}
	if (g)
		report_gate(s, name, g, text);
	else
		fprintf(stderr, "redcard scan: %s: out of memory; scan fewer files at once\n",
			name);
	s->failed |= !g;
	gate_free(g);
}

static void scan_file(void *context, const char *name, bool met)
{
	struct scan *s = context;
	struct buf text = { 0 };
	if (s->shows_progress && s->report.files % 64 == 0)
		fprintf(stderr, "\r\033[K%zu files, %zu findings  %.50s", s->report.files,
			s->report.findings, name);
	int error = recording_read(name, &text);
	if (!error)
		scan_text(s, name, (struct span){ text.p ? text.p : "", text.n }, met);
	else
		fprintf(stderr, "redcard scan: %s: %s; %s\n", name, strerror(-error),
			recording_remedy(error));
	s->failed |= error != 0;
	buf_fini(&text);
}

/* What was left out on purpose is said, so that nobody takes it for clean. */
static void say_left_out(const struct scan *s)
{
	if (s->shows_progress)
		fputs("\r\033[K", stderr);
	if (s->allowed || s->known || s->binaries)
		fprintf(stderr,
			"redcard scan: not reported: %zu allowed in their line, %zu in the baseline; %zu binary files not judged\n",
			s->allowed, s->known, s->binaries);
}

static void scan_all(struct scan *s, const struct cli *cli)
{
	s->report.set = s->set;
	s->shows_progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	s->report.format->begin(&s->report);
	for (size_t i = 0; i < cli->n; i++)
		s->failed |= walk(cli->v[i], scan_file, s) != 0;
	s->report.format->end(&s->report);
	print(s);
	say_left_out(s);
}

/* Nothing is written of a scan that did not see everything: what it missed would not be news later,
 * but what it has would look like all. */
static void write_baseline(struct scan *s, const char *path)
{
	if (!s->fresh)
		return;
	if (s->failed) {
		fprintf(stderr,
			"redcard scan: %s: not written, since not every file was judged; leave out "
			"those that cannot be\n",
			path);
		return;
	}
	if (s->unprinted)
		fputs("redcard scan: some findings are too many in one file to be told apart; they "
		      "will be reported again\n",
		      stderr);
	if (baseline_write(s->fresh, path) == 0)
		fprintf(stderr, "redcard scan: %s: written, with %zu findings\n", path,
			baseline_count(s->fresh));
	else
		s->failed = true;
}

static bool make_fresh(struct scan *s)
{
	s->fresh = baseline_new(s->baseline);
	if (!s->fresh)
		fputs("redcard scan: no memory or no randomness for a baseline; try again\n",
		      stderr);
	return s->fresh != NULL;
}

static bool prepare(struct scan *s, const char *format, const char *policy, const char *baseline,
		    bool write)
{
	s->report.format = report_find(format);
	if (!s->report.format)
		fprintf(stderr,
			"redcard scan: unknown format '%s'; write one of: text, json, jsonl, sarif, junit\n",
			format);
	return s->report.format && recording_wire_known("scan", s->wire) &&
	       (!baseline || baseline_load(baseline, &s->baseline) == 0) &&
	       (!write || make_fresh(s)) && policy_open(policy, &s->set, &s->scratch) == 0;
}

int scan_main(int argc, char **argv)
{
	const char *policy = "builtin", *format = "text", *baseline = NULL, *fresh = NULL;
	bool json = false;
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
		{ .name = "format",
		  .letter = 'f',
		  .value = "FORMAT",
		  .text = &format,
		  .help = "text, json, jsonl, sarif or junit (text)" },
		{ .name = "baseline",
		  .letter = 'b',
		  .value = "FILE",
		  .text = &baseline,
		  .help = "what stands in it is not reported" },
		{ .name = "write-baseline",
		  .value = "FILE",
		  .text = &fresh,
		  .help = "write what is found as a baseline for later scans" },
		{ .name = "json", .flag = &json, .help = "print JSON, as --format json does" },
	};
	struct cli cli = {
		.verb = "scan",
		.summary =
			"Judges files, folders or recorded streams; exits with 1 when a rule matched.",
		.operands = "FILE|FOLDER|-...",
		.operands_min = 1,
		.operands_max = 100000,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard scan src/\n"
			    "  redcard scan --wire chat answer.sse\n"
			    "  redcard scan --write-baseline known.json src/\n"
			    "  redcard scan --baseline known.json src/\n"
			    "  git diff | redcard scan --format sarif -\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	bool ready = prepare(&s, json ? "json" : format, policy, baseline, fresh != NULL);
	if (ready) {
		scan_all(&s, &cli);
		write_baseline(&s, fresh);
	}
	buf_fini(&s.report.out);
	buf_fini(&s.report.body);
	baseline_free(s.baseline);
	baseline_free(s.fresh);
	gate_scratch_fini(&s.scratch);
	ruleset_unref(s.set);
	if (!ready || s.failed)
		return EXIT_TOOL;
	return s.found ? EXIT_FINDING : EXIT_CLEAN;
}
