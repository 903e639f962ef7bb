#include "policy/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

/* A body is at most a few kilobytes; an expression that needs more steps than this on it is a
 * mistake, and the stream is cut for it rather than stalled by it. */
#define MATCH_LIMIT 1000000
#define HEAP_LIMIT_KIB 4096
#define JIT_STACK_MAX ((size_t)512 << 10)
#define GROUPS_MAX 64

struct regex {
	pcre2_code *code;
	uint32_t groups;
	bool whole, compiled;
};

struct regex_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

static int check_limits(const pcre2_code *code, struct buf *why)
{
	uint32_t back = 0, groups = 0;
	pcre2_pattern_info(code, PCRE2_INFO_MAXLOOKBEHIND, &back);
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (back > REGEX_LOOK_BACK)
		buf_printf(why, "it looks back more than %d bytes", REGEX_LOOK_BACK);
	else if (groups > GROUPS_MAX)
		buf_printf(why, "it has more than %d groups", GROUPS_MAX);
	else
		return 0;
	return -EINVAL;
}

int regex_new(const char *pattern, unsigned flags, struct regex **out, struct buf *why)
{
	int rc = -ENOMEM, error = 0;
	PCRE2_SIZE at = 0;
	struct regex *re = calloc(1, sizeof(*re));
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	if (!re || !context)
		goto done;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_parens_nest_limit(context, 50);
	uint32_t options = PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
			   PCRE2_NEVER_BACKSLASH_C |
			   PCRE2_ALT_CIRCUMFLEX; /* a line may begin where the text ends so far */
	options |= flags & REGEX_WHOLE ? 0 : PCRE2_NO_START_OPTIMIZE;
	options |= flags & REGEX_AT_START ? PCRE2_ANCHORED : 0;
	options |= flags & REGEX_AT_END ? PCRE2_ENDANCHORED : 0;
	re->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &error, &at,
				 context);
	if (!re->code) {
		PCRE2_UCHAR text[128];
		pcre2_get_error_message(error, text, sizeof(text));
		buf_printf(why, "%s at offset %zu", (const char *)text, (size_t)at);
		rc = -EINVAL;
		goto done;
	}
	rc = check_limits(re->code, why);
	if (rc)
		goto done;
	pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &re->groups);
	/* Without a compiler for machine code (a hardened kernel) the interpreter gives the same
	 * answers. */
	re->whole = flags & REGEX_WHOLE;
	uint32_t jit = PCRE2_JIT_COMPLETE | (re->whole ? 0 : PCRE2_JIT_PARTIAL_HARD);
	re->compiled = pcre2_jit_compile(re->code, jit) == 0;
	*out = re;
	re = NULL;
done:
	pcre2_compile_context_free(context);
	regex_free(re);
	return rc;
}

void regex_free(struct regex *re)
{
	if (!re)
		return;
	pcre2_code_free(re->code);
	free(re);
}

unsigned regex_groups(const struct regex *re)
{
	return re->groups;
}

struct regex_scratch *regex_scratch_new(void)
{
	struct regex_scratch *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->data = pcre2_match_data_create(GROUPS_MAX + 1, NULL);
	s->context = pcre2_match_context_create(NULL);
	s->stack = pcre2_jit_stack_create(32768, JIT_STACK_MAX, NULL);
	if (!s->data || !s->context)
		goto fail;
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
	if (s->stack)
		pcre2_jit_stack_assign(s->context, NULL, s->stack);
	return s;
fail:
	regex_scratch_free(s);
	return NULL;
}

void regex_scratch_free(struct regex_scratch *s)
{
	if (!s)
		return;
	pcre2_jit_stack_free(s->stack);
	pcre2_match_context_free(s->context);
	pcre2_match_data_free(s->data);
	free(s);
}

enum regex_result regex_find(const struct regex *re, struct regex_scratch *s, struct span text,
			     size_t from, unsigned flags, unsigned group, size_t *start,
			     size_t *end)
{
	CHECK(!(flags & REGEX_MORE && re->whole));
	if (flags & REGEX_MORE && from == text.n)
		return REGEX_PARTIAL;
	uint32_t options = flags & REGEX_MORE ? PCRE2_PARTIAL_HARD : 0;
	options |= flags & REGEX_INSIDE ? PCRE2_NOTBOL : 0;
	int n = (re->compiled ? pcre2_jit_match : pcre2_match)(re->code, (PCRE2_SPTR)text.p, text.n,
							       from, options, s->data, s->context);
	if (n == PCRE2_ERROR_JIT_STACKLIMIT)
		n = pcre2_match(re->code, (PCRE2_SPTR)text.p, text.n, from, options | PCRE2_NO_JIT,
				s->data, s->context);
	if (n == PCRE2_ERROR_NOMATCH)
		return REGEX_NO;
	if (n == PCRE2_ERROR_PARTIAL)
		return REGEX_PARTIAL;
	if (n <= 0)
		return REGEX_FAILED;
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->data);
	if ((int)group >= n || v[2 * group] == PCRE2_UNSET)
		group = 0;
	*start = v[2 * group];
	*end = v[2 * group + 1];
	return REGEX_YES;
}

void regex_last(const struct regex_scratch *s, size_t *start, size_t *end)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->data);
	*start = v[0];
	*end = v[1];
}
