/* The phases of a rollback, and which may follow which. */
#include "proxy/patchctl_store.h"

const char *const rollback_phase_names[ROLLBACK_PHASES] = {
	[ROLLBACK_ACCEPTED] = "accepted", [ROLLBACK_ACTING] = "acting",
	[ROLLBACK_ACTED] = "acted",       [ROLLBACK_VERIFIED] = "verified",
	[ROLLBACK_FAILED] = "failed",     [ROLLBACK_EXPIRED] = "expired",
	[ROLLBACK_ABORTED] = "aborted",
};

bool rollback_ended(enum rollback_phase phase)
{
	return phase >= ROLLBACK_VERIFIED;
}

/* To itself: what the driver said is written down. */
bool rollback_may_become(enum rollback_phase from, enum rollback_phase to)
{
	switch (from) {
	case ROLLBACK_ACCEPTED:
		return to == from || to == ROLLBACK_ACTING || to == ROLLBACK_FAILED ||
		       to == ROLLBACK_EXPIRED || to == ROLLBACK_ABORTED;
	case ROLLBACK_ACTING:
		return to == from || to == ROLLBACK_ACTED || to == ROLLBACK_FAILED ||
		       to == ROLLBACK_EXPIRED || to == ROLLBACK_ABORTED;
	case ROLLBACK_ACTED:
		return to == from || to == ROLLBACK_VERIFIED || to == ROLLBACK_FAILED ||
		       to == ROLLBACK_EXPIRED;
	case ROLLBACK_VERIFIED:
	case ROLLBACK_FAILED:
	case ROLLBACK_EXPIRED:
	case ROLLBACK_ABORTED:
	case ROLLBACK_PHASES: break;
	}
	return false;
}
