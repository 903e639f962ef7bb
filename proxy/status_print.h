/*
 * A JSON document as text for people: a map is indented lines, a list of maps a table. Any document
 * can be printed, so that what the admin listener tells can grow without this growing.
 */
#ifndef PROXY_STATUS_PRINT_H
#define PROXY_STATUS_PRINT_H

#include "lib/buf.h"
#include "lib/json.h"

void status_print(const struct json_value *root, struct buf *out);

#endif
