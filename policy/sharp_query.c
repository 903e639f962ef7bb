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
QUERY(python);
QUERY(rust);
QUERY(typescript);

/* JavaScript's stands in front of TypeScript's, which is the same for TSX. */
static const struct {
	const char *language;
	const char *start[2], *end[2];
} files[] = {
	{ "bash", { sharp_bash_start, NULL }, { sharp_bash_end, NULL } },
	{ "c", { sharp_c_start, NULL }, { sharp_c_end, NULL } },
	{ "go", { sharp_go_start, NULL }, { sharp_go_end, NULL } },
	{ "java", { sharp_java_start, NULL }, { sharp_java_end, NULL } },
	{ "javascript", { sharp_javascript_start, NULL }, { sharp_javascript_end, NULL } },
	{ "python", { sharp_python_start, NULL }, { sharp_python_end, NULL } },
	{ "rust", { sharp_rust_start, NULL }, { sharp_rust_end, NULL } },
	{ "tsx",
	  { sharp_javascript_start, sharp_typescript_start },
	  { sharp_javascript_end, sharp_typescript_end } },
	{ "typescript",
	  { sharp_javascript_start, sharp_typescript_start },
	  { sharp_javascript_end, sharp_typescript_end } },
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct syntax_query *compiled[ARRAY_LEN(files)];

static struct syntax_query *compile(const struct syntax_language *language, size_t i)
{
	struct buf text = { 0 }, why = { 0 };
	struct syntax_query *q = NULL;
	unsigned line;
	for (size_t k = 0; k < 2 && files[i].start[k]; k++)
		buf_add(&text, files[i].start[k], (size_t)(files[i].end[k] - files[i].start[k]));
	int rc = text.failed ? -1 : 0;
	if (!rc && syntax_query_new(language, (struct span){ text.p, text.n }, &q, &line, &why) ==
			   -EINVAL) {
		buf_add_char(&why, '\0');
		fprintf(stderr, "policy/sharp/%s.scm:%u: %s\n", files[i].language, line + 1,
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
	"guard",     "exit",       "import",   "url",        "callee",     "decorator", "exception",
	"redirect",  "pipeline",   "modifier", "comparison", "operator",   "condition", "argument",
	"parameter", "assignment", "literal",  "type",       "definition", "directive", "structure",
};
static_assert(ARRAY_LEN(sharp_kind_names) == SHARP_KIND_COUNT, "a name for each kind");

/* A name of neither kind, such as @_x, is for predicates. */
struct sharp_meaning sharp_meaning(const struct syntax_query *q, uint32_t capture)
{
	static const char *const marks[] = { "harmless",  "kept",   "hollow",  "thin",
					     "unordered", "unread", "wrapper", "doubt" };
	struct sharp_meaning m = { .kind = SHARP_KIND_COUNT };
	struct span name = syntax_query_capture(q, capture);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (span_eq(name, span_of(marks[i])))
			m.marks = (uint8_t)(1U << i);
	for (uint8_t i = 0; i < SHARP_KIND_COUNT; i++)
		if (span_eq(name, span_of(sharp_kind_names[i])))
			m.kind = i;
	if (name.n > 3 && memcmp(name.p, "as.", 3) == 0)
		m.type = (struct span){ name.p + 3, name.n - 3 };
	CHECK(m.marks || m.kind < SHARP_KIND_COUNT || m.type.n || name.p[0] == '_');
	return m;
}
