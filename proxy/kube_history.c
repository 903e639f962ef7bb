#include "proxy/kube_history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/canonical.h"
#include "lib/file.h"
#include "proxy/units.h"

#define SEEN_BYTES 65536

static const struct json_value *at(const struct json_value *v, const char *a, const char *b)
{
	return json_get(json_get(v, a), b);
}

static uint64_t number_of(const struct json_value *v)
{
	double n = json_number(v);
	return n > 0 && n < 1e15 ? (uint64_t)n : 0;
}

/* --- reading --- */

int kube_read(struct kube_history *k, struct span workload)
{
	int error = json_parse(workload, &k->workload);
	const struct json_value *root = json_root(k->workload);
	if (error)
		return error;
	k->uid = json_string(at(root, "metadata", "uid"));
	k->template = at(root, "spec", "template");
	return k->uid.n && json_type(k->template) == JSON_IS_MAP ? 0 : -EINVAL;
}

static bool is_ours(const struct kube_history *k, const struct json_value *object)
{
	const struct json_value *owners = at(object, "metadata", "ownerReferences");
	for (size_t i = 0; i < json_count(owners); i++) {
		const struct json_value *o = json_at(owners, i);
		if (json_bool(json_get(o, "controller")) &&
		    span_eq(json_string(json_get(o, "uid")), k->uid))
			return true;
	}
	return false;
}

static struct kube_revision revision_of(const struct json_value *object)
{
	struct kube_revision r = { .object = object,
				   .name = json_string(at(object, "metadata", "name")) };
	const struct json_value *data = json_get(object, "data");
	r.template = at(data ? data : object, "spec", "template");
	if (data)
		r.number = number_of(json_get(object, "revision"));
	else if (units_count(json_string(json_get(at(object, "metadata", "annotations"),
						  "deployment.kubernetes.io/revision")),
			     &r.number) != 0)
		r.number = 0;
	return r;
}

int kube_read_list(struct kube_history *k, struct span list)
{
	int error = json_parse(list, &k->list);
	const struct json_value *items = json_get(json_root(k->list), "items");
	if (error)
		return error;
	if (json_type(items) != JSON_IS_LIST)
		return -EINVAL;
	k->v = calloc(json_count(items) + 1, sizeof(*k->v));
	if (!k->v)
		return -ENOMEM;
	for (size_t i = 0; i < json_count(items); i++) {
		struct kube_revision r = revision_of(json_at(items, i));
		if (is_ours(k, r.object) && r.number && r.template && r.name.n < KUBE_NAME)
			k->v[k->n++] = r;
	}
	return 0;
}

void kube_fini(struct kube_history *k)
{
	json_free(k->workload);
	json_free(k->list);
	free(k->v);
	*k = (struct kube_history){ 0 };
}

bool kube_selector(const struct kube_history *k, char *to, size_t bytes)
{
	const struct json_value *labels =
		json_get(at(json_root(k->workload), "spec", "selector"), "matchLabels");
	struct buf text = { 0 };
	for (size_t i = 0; i < json_count(labels); i++) {
		struct span key = json_key_at(labels, i), value = json_string(json_at(labels, i));
		buf_printf(&text, "%s%.*s=%.*s", i ? "," : "", (int)key.n, key.p, (int)value.n,
			   value.n ? value.p : "");
	}
	bool fits = text.n && !text.failed && text.n < bytes;
	snprintf(to, bytes, "%.*s", fits ? (int)text.n : 0, fits ? text.p : "");
	buf_fini(&text);
	return fits;
}

/* --- templates --- */

static bool same_value(const struct json_value *a, const struct json_value *b)
{
	struct buf one = { 0 }, other = { 0 };
	bool same = !a == !b;
	if (a && b)
		same = canonical_add(&one, a) == 0 && canonical_add(&other, b) == 0 &&
		       one.n == other.n && memcmp(one.p, other.p, one.n) == 0;
	buf_fini(&one);
	buf_fini(&other);
	return same;
}

static bool is_left_out(struct span key, const char *const *left_out)
{
	for (; *left_out; left_out++)
		if (span_eq(key, span_of(*left_out)))
			return true;
	return false;
}

static bool has_all(const struct json_value *a, const struct json_value *b,
		    const char *const *left_out)
{
	for (size_t i = 0; i < json_count(a); i++) {
		char key[512];
		struct span name = json_key_at(a, i);
		if (is_left_out(name, left_out))
			continue;
		if (name.n >= sizeof(key))
			return false;
		snprintf(key, sizeof(key), "%.*s", (int)name.n, name.p);
		const struct json_value *other = json_get(b, key);
		if (!other || !same_value(json_at(a, i), other))
			return false;
	}
	return true;
}

/* Absent and empty are the same. */
static bool same_map(const struct json_value *a, const struct json_value *b,
		     const char *const *left_out)
{
	return has_all(a, b, left_out) && has_all(b, a, left_out);
}

bool kube_same(const struct json_value *a, const struct json_value *b)
{
	/* A ReplicaSet's copy has the hash, and a ControllerRevision's says how it is patched in.
	 */
	static const char *const whole[] = { "metadata", "$patch", NULL };
	static const char *const about[] = { "labels", "annotations", "creationTimestamp", NULL };
	static const char *const labels[] = { "pod-template-hash", NULL }, *const none[] = { NULL };
	return a && b && same_map(a, b, whole) &&
	       same_map(json_get(a, "metadata"), json_get(b, "metadata"), about) &&
	       same_map(at(a, "metadata", "labels"), at(b, "metadata", "labels"), labels) &&
	       same_map(at(a, "metadata", "annotations"), at(b, "metadata", "annotations"), none);
}

/* --- numbers --- */

static bool list_has(struct span list, struct span number)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t)(comma - list.p) : list.n;
		if (span_eq((struct span){ list.p, n }, number))
			return true;
		n += comma != NULL;
		list = (struct span){ list.p + n, list.n - n };
	}
	return false;
}

static bool had(const struct kube_revision *r, const char *number)
{
	return list_has(json_string(json_get(at(r->object, "metadata", "annotations"),
					     "deployment.kubernetes.io/revision-history")),
			span_of(number));
}

/* Lines of the file: uid, number, name. */
static void line_of(const struct kube_history *k, const struct kube_revision *r, char line[512])
{
	snprintf(line, 512, "%.*s %llu %.*s\n", (int)min_size(k->uid.n, 100), k->uid.p,
		 (unsigned long long)r->number, (int)r->name.n, r->name.p);
}

void kube_remember(const struct kube_history *k)
{
	struct buf text = { 0 };
	char line[512];
	size_t before;
	if (!k->seen[0])
		return;
	int error = file_read(k->seen, 2 * SEEN_BYTES, &text);
	if (error)
		buf_clear(&text); /* there is none yet */
	before = text.n;
	for (size_t i = 0; i < k->n; i++) {
		line_of(k, &k->v[i], line);
		if (!text.n || !memmem(text.p, text.n, line, strlen(line)))
			buf_add_text(&text, line);
	}
	struct span all = { text.p, text.n };
	if (all.n > SEEN_BYTES) { /* the oldest lines go */
		const char *from = memchr(all.p + all.n - SEEN_BYTES / 2, '\n', SEEN_BYTES / 2);
		all = from ? (struct span){ from + 1, (size_t)(all.p + all.n - from - 1) } : all;
	}
	if (!text.failed && text.n > before)
		error = file_replace(k->seen, all);
	(void)error; /* then an anchor that is renumbered is not found, and that is said */
	buf_fini(&text);
}

/* The name that it had when it was seen with that number. */
static bool seen_name(const struct kube_history *k, const char *number, char name[KUBE_NAME])
{
	struct buf text = { 0 };
	char begin[160];
	name[0] = '\0';
	snprintf(begin, sizeof(begin), "%.*s %s ", (int)min_size(k->uid.n, 100), k->uid.p, number);
	if (k->seen[0] && file_read(k->seen, 2 * SEEN_BYTES, &text) == 0) {
		buf_add(&text, "", 1);
		const char *found = text.failed ? NULL : strstr(text.p, begin);
		if (found && (found == text.p || found[-1] == '\n')) {
			found += strlen(begin);
			snprintf(name, KUBE_NAME, "%.*s", (int)strcspn(found, "\n"), found);
		}
	}
	buf_fini(&text);
	return name[0] != '\0';
}

const struct kube_revision *kube_find(const struct kube_history *k, const char *number)
{
	char name[KUBE_NAME];
	uint64_t n = 0;
	if (units_count(span_of(number), &n) != 0)
		return NULL;
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].number == n || had(&k->v[i], number))
			return &k->v[i];
	if (!seen_name(k, number, name))
		return NULL;
	for (size_t i = 0; i < k->n; i++)
		if (span_eq(k->v[i].name, span_of(name)))
			return &k->v[i];
	return NULL;
}

/* --- its state --- */

bool kube_observed(const struct kube_history *k)
{
	const struct json_value *root = json_root(k->workload);
	return number_of(at(root, "status", "observedGeneration")) >=
	       number_of(at(root, "metadata", "generation"));
}

static void say_stuck(const struct json_value *status, struct buf *says)
{
	const struct json_value *all = json_get(status, "conditions");
	for (size_t i = 0; i < json_count(all); i++) {
		const struct json_value *c = json_at(all, i);
		if (span_eq(json_string(json_get(c, "reason")), SPAN("ProgressDeadlineExceeded")))
			buf_add_text(says, "its rollout does not get on: "
					   "ProgressDeadlineExceeded\n");
	}
}

bool kube_rolled_out(const struct kube_history *k, struct buf *says)
{
	const struct json_value *root = json_root(k->workload), *s = json_get(root, "status");
	const struct json_value *wanted = at(root, "spec", "replicas");
	bool daemons = json_get(s, "desiredNumberScheduled") != NULL;
	uint64_t want = daemons  ? number_of(json_get(s, "desiredNumberScheduled"))
			: wanted ? number_of(wanted)
				 : 1;
	uint64_t there = daemons ? number_of(json_get(s, "currentNumberScheduled"))
				 : number_of(json_get(s, "replicas"));
	uint64_t updated =
		number_of(json_get(s, daemons ? "updatedNumberScheduled" : "updatedReplicas"));
	uint64_t available =
		number_of(json_get(s, daemons ? "numberAvailable" : "availableReplicas"));
	struct span now = json_string(json_get(s, "currentRevision"));
	struct span next = json_string(json_get(s, "updateRevision"));
	if (there == want && updated == want && available == want && span_eq(now, next))
		return true;
	buf_printf(says, "of %llu replicas %llu are updated and %llu available; %llu are there\n",
		   (unsigned long long)want, (unsigned long long)updated,
		   (unsigned long long)available, (unsigned long long)there);
	say_stuck(s, says);
	return false;
}
