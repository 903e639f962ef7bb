/* What the labels of the metrics may be: the ends that things come to. */
#ifndef PROXY_METRIC_LABELS_H
#define PROXY_METRIC_LABELS_H

enum sink_result { /* what became of rows and tries */
		   SINK_DELIVERED,
		   SINK_REFUSALS,
		   SINK_RETRIED, /* a try failed, and the row waits for the next one */
		   SINK_SKIPPED, /* a row was given up */
		   SINK_RESULT_COUNT
};

enum exchange_result {                   /* how an exchange ended: exactly one each */
		       RESULT_PASSED,    /* every byte was judged and released */
		       RESULT_FLAGGED,   /* the same, with at least one card */
		       RESULT_CUT,       /* a rule or a failure ended it */
		       RESULT_UNSCANNED, /* some bytes passed unjudged: the route says so, or
					    `on_error: open` */
		       RESULT_TUNNELLED, /* upgraded */
		       RESULT_REFUSED,   /* answered by redcard itself: malformed, no route, over a
					    limit */
		       RESULT_CLIENT_GONE,
		       RESULT_BUILDER_FAILED, /* no usable answer, or one that broke off */
		       RESULT_TIMEOUT,
		       RESULT_DRAINED,    /* ended by a shutdown */
		       RESULT_COMPARED,   /* of a quorum's other builder: nobody gets it */
		       RESULT_NOT_NEEDED, /* the same, stopped because the verdict was known */
		       RESULT_COUNT
};

enum status_class {
	STATUS_1XX,
	STATUS_2XX,
	STATUS_3XX,
	STATUS_4XX,
	STATUS_5XX,
	STATUS_NONE,
	STATUS_CLASS_COUNT
};

enum cut_label {
	CUT_LABEL_RULE,
	CUT_LABEL_HOLD_BOUND,
	CUT_LABEL_ENGINE_ERROR,
	CUT_LABEL_WIRE_ERROR, /* the stream could not be decoded */
	CUT_LABEL_ENCODING,   /* the body's compression could not be undone, or is refused */
	CUT_LABEL_NO_MEMORY,
	CUT_LABEL_BUDGET,
	CUT_LABEL_QUORUM, /* the builders did not agree */
	CUT_LABEL_LEDGER, /* it could not be written down */
	CUT_LABEL_COUNT
};

enum hold_result { HOLD_RESULT_CUT, HOLD_RESULT_RELEASED, HOLD_RESULT_COUNT };

enum upstream_error {
	UPSTREAM_UNRESOLVED,
	UPSTREAM_CONNECT,
	UPSTREAM_TLS,
	UPSTREAM_TIMEOUT,
	UPSTREAM_RESET,      /* closed or reset before the answer was complete */
	UPSTREAM_MALFORMED,  /* an answer that HTTP refuses */
	UPSTREAM_NO_ADDRESS, /* none is healthy */
	UPSTREAM_ERROR_COUNT
};

enum side { SIDE_CLIENT, SIDE_UPSTREAM, SIDE_COUNT };
enum ledger_result {
	LEDGER_WRITTEN,
	LEDGER_REPEATED,
	LEDGER_REFUSED,
	LEDGER_FAILED,
	LEDGER_RESULT_COUNT
};
enum wish_result {
	WISH_ASKED,
	WISH_REPEATED, /* one like it is known */
	WISH_TAKEN,    /* by PatchCtl; the following ones are ends */
	WISH_VERIFIED,
	WISH_FAILED,
	WISH_EXPIRED,
	WISH_ABORTED,
	WISH_BYPASSED,
	WISH_REFUSED,   /* a limit of the proxy */
	WISH_NO_CHANGE, /* nobody knows what to take back */
	WISH_RESULT_COUNT
};
enum wish_phase {
	WISH_DETECT,
	WISH_RECORD,
	WISH_DECIDE,
	WISH_ACT,
	WISH_VERIFY,
	WISH_TOTAL,
	WISH_PHASE_COUNT
};
enum meta_verdict { META_VERDICT_PASS, META_VERDICT_VIOLATION, META_VERDICT_COUNT };
enum spec_result { SPEC_IN_TIME, SPEC_LATE, SPEC_RESULT_COUNT };
enum webhook_refusal { /* the first five as in enum auth */
		       WEBHOOK_ABSENT,
		       WEBHOOK_WRONG,
		       WEBHOOK_STALE,
		       WEBHOOK_REPLAYED,
		       WEBHOOK_BROKEN,    /* the nonces cannot be kept */
		       WEBHOOK_MALFORMED, /* a body that is no event */
		       WEBHOOK_CONFLICT,  /* an Idempotency-Key of another event */
		       WEBHOOK_UNWRITTEN, /* the ledger did not take it */
		       WEBHOOK_REFUSAL_COUNT
};
enum reload_result { RELOAD_OK, RELOAD_REFUSED, RELOAD_RESULT_COUNT };

#endif
