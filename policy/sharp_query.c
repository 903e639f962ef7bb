/* The queries, as bytes of the program, and what their captures mean. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "policy/sharp_parts.h"

#define QUERY(name)                                                                     \
	__asm__(".pushsection .rodata\n"                                                \
		".balign 16\n"                                                          \
		"sharp_" #name "_start:\n"                                              \
		".incbin \"policy/sharp/" #name ".scm\"\n"                              \
		"sharp_" #name "_end:\n"                                                \
		".byte 0\n"                                                             \
		".popsection\n");                                                       \
	extern const char sharp_##name##_start[] __attribute__((visibility("hidden"))); \
	extern const char sharp_##name##_end[] __attribute__((visibility("hidden")))

QUERY(bash);
QUERY(c);
QUERY(go);
QUERY(java);
QUERY(javascript);
QUERY(jsx);
QUERY(python);
QUERY(rust);
QUERY(typescript);

/* Some languages are others with more to them. */
static const struct {
	const char *language;
	struct part {
		const char *start, *end;
	} parts[3];
} files[] = {
#define PART(name)                                       \
	{                                                \
		sharp_##name##_start, sharp_##name##_end \
	}
	{ "bash", { PART(bash) } },
	{ "c", { PART(c) } },
	{ "go", { PART(go) } },
	{ "java", { PART(java) } },
	{ "javascript", { PART(javascript), PART(jsx) } },
	{ "python", { PART(python) } },
	{ "rust", { PART(rust) } },
	{ "tsx", { PART(javascript), PART(jsx), PART(typescript) } },
	{ "typescript", { PART(javascript), PART(typescript) } },
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct syntax_query *compiled[ARRAY_LEN(files)];

static struct syntax_query *compile(const struct syntax_language *language, size_t i)
{
	struct buf text = { 0 }, why = { 0 };
	struct syntax_query *q = NULL;
	unsigned line;
	for (const struct part *p = files[i].parts;
	     p < files[i].parts + ARRAY_LEN(files[i].parts) && p->start; p++)
		buf_add(&text, p->start, (size_t)(p->end - p->start));
	int rc = text.failed ? -1 : 0;
	if (!rc && syntax_query_new(language, (struct span){ text.p, text.n }, &q, &line, &why) ==
			   -EINVAL) {
		buf_add_char(&why, '\0');
		fprintf(stderr, "the queries of %s, line %u: %s\n", files[i].language, line + 1,
			why.failed ? "" : why.p);
		CHECK(!"the queries of sharp edits compile");
	}
	buf_fini(&text);
	buf_fini(&why);
	return q;
}

const struct syntax_query *sharp_query(const struct syntax_language *language)
{
	size_t i = 0;
	while (i < ARRAY_LEN(files) && strcmp(files[i].language, language->name) != 0)
		i++;
	CHECK(i < ARRAY_LEN(files));
	pthread_mutex_lock(&lock);
	if (!compiled[i])
		compiled[i] = compile(language, i);
	const struct syntax_query *q = compiled[i];
	pthread_mutex_unlock(&lock);
	return q;
}

const char *const sharp_kind_names[] = {
	"guard",      "exit",     "import",    "url",        "callee",     "decorator",
	"exception",  "redirect", "pipeline",  "modifier",   "comparison", "operator",
	"condition",  "argument", "parameter", "assignment", "literal",    "type",
	"definition", "name",     "directive", "structure",
};
static_assert(ARRAY_LEN(sharp_kind_names) == SHARP_KIND_COUNT, "a name for each kind");

/* A name of neither kind, such as @_x, is for predicates. */
struct sharp_meaning sharp_meaning(const struct syntax_query *q, uint32_t capture)
{
	static const char *const marks[] = { "harmless", "kept",    "hollow", "thin", "unordered",
					     "unread",   "wrapper", "doubt",  "live" };
	struct sharp_meaning m = { .kind = SHARP_KIND_COUNT };
	struct span name = syntax_query_capture(q, capture);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (span_eq(name, span_of(marks[i])))
			m.marks = (uint16_t)(1U << i);
	for (uint8_t i = 0; i < SHARP_KIND_COUNT; i++)
		if (span_eq(name, span_of(sharp_kind_names[i])))
			m.kind = i;
	if (span_eq(name, SPAN("given")))
		m.kind = SHARP_NAME;
	if (name.n > 3 && memcmp(name.p, "as.", 3) == 0)
		m.type = (struct span){ name.p + 3, name.n - 3 };
	CHECK(m.marks || m.kind < SHARP_KIND_COUNT || m.type.n || name.p[0] == '_');
	return m;
}
