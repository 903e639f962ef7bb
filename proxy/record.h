/*
 * The record of an exchange: its line in the log and its share of the metrics, made once, when it
 * has ended. With it stands what the gate covered: bytes received, judged, released, held at most,
 * and the ruleset's hash.
 */
#ifndef PROXY_RECORD_H
#define PROXY_RECORD_H

struct exchange;

void record_exchange(struct exchange *x);

#endif
