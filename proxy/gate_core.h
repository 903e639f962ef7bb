/* A gate's inside, for its own files. */
#ifndef PROXY_GATE_CORE_H
#define PROXY_GATE_CORE_H

#include "proxy/gate.h"
#include "proxy/gate_edit.h"
#include "proxy/gate_frames.h"

struct gate {
	struct wire *wire;
	struct judge *judge;
	struct gate_record record;
	struct verdict verdict;
	enum gate_state state;
	const char *reason;
	enum cut_form cut;
	bool fail_open;
	bool barred;
	struct gate_tap tap;
	bool monitor; /* budgets are noted and cut nothing */
	enum budget_limit broken;
	struct budget *budget;
	bool at_boundary;
	uint32_t frame_max;
	struct buf window;  /* raw bytes [record.released, record.received), but for what is just
			       being fed */
	struct buf leaving; /* what gate_out.old pointed into; dropped at the next call */
	struct gate_edits edits;
	uint64_t frames_judged; /* of which the judge has told: counted in the record */
	struct frames frames;   /* complete frames that end behind `released`, in order */
};

#endif
