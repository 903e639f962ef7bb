/* Stands in until the mirror is there. */
#include "proxy/mirror.h"

#include <errno.h>

const char *const mirror_tap_names[MIRROR_TAP_COUNT] = { "none", "user", "ebpf" };

int mirror_open(const struct config *config, const struct mirror_sink *sink, struct mirror **out,
		struct buf *errors)
{
	(void)config, (void)sink, (void)out;
	buf_add_text(errors, "the mirror is not built yet; use --replay FILE");
	return -ENOTSUP;
}

void mirror_close(struct mirror *m)
{
	(void)m;
}

int mirror_poll(struct mirror *m, unsigned wait_ms)
{
	(void)m, (void)wait_ms;
	return -ENOTSUP;
}

struct mirror_counts mirror_counts(const struct mirror *m)
{
	(void)m;
	return (struct mirror_counts){ 0 };
}

enum mirror_tap mirror_tap(const struct mirror *m, const char **why)
{
	(void)m;
	*why = "the mirror is not built yet";
	return MIRROR_TAP_NONE;
}

void mirror_pause(struct mirror *m, bool paused)
{
	(void)m, (void)paused;
}
