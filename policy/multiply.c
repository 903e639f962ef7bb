#include "policy/multiply.h"

#include "lib/buf.h"

static void add_flags(struct buf *out, unsigned flags)
{
	static const char names[] = "ims";
	buf_add_text(out, "(?");
	for (size_t i = 0; i < 3; i++)
		if (flags & 1u << i)
			buf_add_char(out, names[i]);
	if (flags != 7)
		buf_add_char(out, '-');
	for (size_t i = 0; i < 3; i++)
		if (!(flags & 1u << i))
			buf_add_char(out, names[i]);
	buf_add_char(out, ')');
}

char *multiply_out(const char *expression, const struct alternation *a,
		   const struct pattern_branch *one)
{
	struct buf out = { 0 };
	size_t from = one->first ? one->first->from : one->end;
	if (a->group)
		buf_add(&out, expression, a->group->from + a->group->header);
	const struct pattern_node *first = a->first->first;
	if (one->first && one->first->flags != (first ? first->flags : 0))
		add_flags(&out, one->first->flags);
	buf_add(&out, expression + from, one->end - from);
	if (a->group)
		buf_add_text(&out, expression + a->group->atom - 1);
	return buf_take_text(&out);
}

char *multiply_repeat(const char *expression, const struct pattern_node *n, uint32_t times)
{
	struct buf out = { 0 };
	buf_add(&out, expression, times ? n->atom : n->from);
	if (!times)
		buf_add_text(&out, "(?:)"); /* what stands on its sides stays apart */
	if (times > 1)
		buf_printf(&out, "{%u}", times);
	buf_add_text(&out, expression + n->to);
	return buf_take_text(&out);
}
