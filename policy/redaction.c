#include "policy/redaction.h"

#include <errno.h>
#include <string.h>

static int refuse(struct buf *errors, const struct rule *r, unsigned line, const char *why)
{
	buf_printf(errors, "%s:%u: rule %s: action redact %s\n", r->info.file, line, r->info.id,
		   why);
	return -EINVAL;
}

/* The policy's mask, with {rule} as the rule's id. */
static const char *expand(struct ruleset *set, const struct rule *r)
{
	static const char name[] = "{rule}";
	const char *from = set->mask ? set->mask : "[redacted]", *at;
	struct buf b = { 0 };
	while ((at = strstr(from, name))) {
		buf_add(&b, from, (size_t)(at - from));
		buf_add_text(&b, r->info.id);
		from = at + sizeof(name) - 1;
	}
	buf_add_text(&b, from);
	const char *mask = b.failed ? NULL : ruleset_keep(set, (struct span){ b.p, b.n });
	buf_fini(&b);
	return mask;
}

int redaction_compile(struct ruleset *set, struct rule *r, struct buf *errors)
{
	if (r->info.hold == HOLD_NONE)
		return refuse(errors, r, r->hold_line,
			      "with hold: none: what has left cannot be redacted; hold it, or use "
			      "flag");
	if (r->info.hold == HOLD_WINDOW && r->info.unbounded)
		return refuse(
			errors, r, r->hold_line,
			"where a match may be longer than the window; limit its repeats, give "
			"it a lead-in, or use cut");
	if (r->info.scope == SCOPE_CODE)
		return refuse(
			errors, r, r->info.line,
			"with scope: code: closing events repeat a text without saying what of "
			"it is code; leave scope out, or use cut");
	set->redacts = !set->monitor;
	r->mask = expand(set, r);
	return r->mask ? 0 : -ENOMEM;
}
