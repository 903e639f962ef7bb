/*
 * Two renders judged as one: their files are paired, and what they say is summed up.
 *
 * Files of one choice are paired by path, of several with one path in their order; those without
 * one by language and place; what remains, of which one has a path and the other has none, by
 * language and place too. A file without a partner is compared with the empty tree. A body is
 * paired with a body, and has the language of either, as in `redcard diff`. Files in no language of
 * ours agree when their bytes do.
 *
 * One file each, and no actions: the verdict, the reason and the score are those of compare().
 */
#ifndef POLICY_PAIRING_H
#define POLICY_PAIRING_H

#include "policy/quorum.h"
#include "policy/render.h"

/* Both are complete. Sets out's reason, verdict, score and nodes. */
void pairing_judge(const struct render *a, const struct render *b,
		   const struct quorum_settings *settings, struct quorum_pair *out);

#endif
