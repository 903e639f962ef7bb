/* The sharp edits of the files in a question, so that an auditor looks at them first. */
#ifndef PROXY_AUDIT_SHARP_H
#define PROXY_AUDIT_SHARP_H

#include "proxy/audit_form.h"

enum { AUDIT_SHARP_BYTES = 64 << 10 }; /* most of them all; what is more is left out */

/* A line each, as redcard diff says it; nothing of a file that one side has, or whose sharp edits
 * cannot be told. Parses the files again, within the bounds of a comparison. */
void audit_sharp_add(const struct audit_question *q, struct buf *out);

#endif
