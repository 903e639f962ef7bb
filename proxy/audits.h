/* The parts of `redcard audits`. */
#ifndef PROXY_AUDITS_H
#define PROXY_AUDITS_H

int audits_ask_main(int argc, char **argv); /* audits_ask.c */

#endif
