#include "lib/tls_sessions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct session {
	char *name;
	struct buf bytes;
};

struct tls_sessions {
	pthread_mutex_t lock;
	struct session v[TLS_SESSIONS_MAX];
	size_t n;    /* slots in use */
	size_t next; /* whose turn it is when all are */
};

static void forget(struct session *slot)
{
	free(slot->name);
	slot->name = NULL;
	buf_fini(&slot->bytes);
}

static struct session *find(struct tls_sessions *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].name && strcmp(s->v[i].name, name) == 0)
			return &s->v[i];
	}
	return NULL;
}

struct tls_sessions *tls_sessions_new(void)
{
	struct tls_sessions *s = calloc(1, sizeof(*s));
	if (s)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void tls_sessions_free(struct tls_sessions *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		forget(&s->v[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void tls_sessions_put(struct tls_sessions *s, const char *name, const void *p, size_t n)
{
	pthread_mutex_lock(&s->lock);
	struct session *slot = find(s, name);
	if (!slot)
		slot = &s->v[s->n < TLS_SESSIONS_MAX ? s->n++ : s->next++ % TLS_SESSIONS_MAX];
	forget(slot);
	slot->name = strdup(name);
	buf_add(&slot->bytes, p, n);
	if (!slot->name || slot->bytes.failed)
		forget(slot);
	pthread_mutex_unlock(&s->lock);
}

void tls_sessions_get(struct tls_sessions *s, const char *name, struct buf *out)
{
	pthread_mutex_lock(&s->lock);
	struct session *slot = find(s, name);
	if (slot)
		buf_add(out, slot->bytes.p, slot->bytes.n);
	pthread_mutex_unlock(&s->lock);
}
