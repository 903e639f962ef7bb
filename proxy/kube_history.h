/*
 * What a cluster says of a workload and its history: a Deployment's ReplicaSets, or the
 * ControllerRevisions of a StatefulSet or DaemonSet. Each has the pod template of one revision.
 *
 * A revision that is restored gets a new number, and its old one is gone from the history. A
 * ReplicaSet says which numbers it had before; of ControllerRevisions a file keeps what was seen.
 */
#ifndef PROXY_KUBE_HISTORY_H
#define PROXY_KUBE_HISTORY_H

#include "lib/buf.h"
#include "lib/json.h"

#define KUBE_NAME 254 /* bytes, with the NUL */

struct kube_revision {
	const struct json_value *object, *template;
	uint64_t number; /* now */
	struct span name;
};

struct kube_history {
	struct json *workload, *list;
	struct kube_revision *v;
	size_t n;
	struct span uid;                   /* of the workload */
	const struct json_value *template; /* that it has now */
	char seen[600];                    /* the file; "": none */
};

/* Both documents as `kubectl get -o json` prints them. -EINVAL: they are something else; -ENOMEM.
 * kube_fini() is owed in any case. */
int kube_read(struct kube_history *k, struct span workload) MUST_USE;
int kube_read_list(struct kube_history *k, struct span list) MUST_USE;
void kube_fini(struct kube_history *k);

/* Labels that all of its history has, as --selector takes them: "a=b,c=d". False: there are none.
 */
bool kube_selector(const struct kube_history *k, char *to, size_t bytes);

void kube_remember(const struct kube_history *k); /* in the file, what is seen now */

/* The one that has the number, or had it. NULL: there is none any more. */
const struct kube_revision *kube_find(const struct kube_history *k, const char *number);

/* Whether two pod templates are one, but for what the cluster adds to the copies. */
bool kube_same(const struct json_value *a, const struct json_value *b);

bool kube_observed(const struct kube_history *k); /* the last change, by its controller */
/* Whether every replica has the template and is available; what is not is appended. */
bool kube_rolled_out(const struct kube_history *k, struct buf *says);

#endif
