/*
 * Whether two renders that still arrive can agree in the end.
 *
 * Known of a pair of files is a lower bound on its distance (online.h); files that are paired for
 * certain are summed up. Known of the sizes is an upper bound: the nodes of a render that has
 * ended, and no more than that and the distance for the other one; else the settings' max_nodes,
 * past which a render fails. When even so the score is above the threshold, the pair is disputed.
 *
 * A threshold or max_nodes for which it would take more than ONLINE_EDITS edits is never shown to
 * be passed before the end.
 *
 * Paired for certain are files with a path that is known, and fences whose language is stated, as
 * long as none stands before them whose path or language is not known yet.
 */
#ifndef POLICY_DISPUTE_H
#define POLICY_DISPUTE_H

#include "policy/quorum.h"
#include "policy/render.h"

/* Takes what is new of a render's files into what is known of their trees. True: there is news. */
bool dispute_grow(struct render *r, struct labels *labels);
void dispute_forget(struct render *r);

/* base_nodes: of all the base's files. *score: an interval, when *why is COMPARE_ABOVE_THRESHOLD.
 */
bool dispute_certain(const struct render *a, const struct render *b,
		     const struct quorum_settings *settings, uint32_t base_nodes,
		     enum compare_reason *why, struct score *score);

#endif
