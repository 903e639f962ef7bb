/* A policy of syntax rules for many languages, which tests of them share. */
#ifndef TESTS_POLICY_SYNTAX_PLAY_H
#define TESTS_POLICY_SYNTAX_PLAY_H

#include "policy/region.h"
#include "tests/policy/judge_play.h"

#define QUERY_SHELL                                                                                       \
	"      (call function: (attribute object: (identifier) @o attribute: (identifier) @f)\n"          \
	"            arguments: (argument_list (keyword_argument name: (identifier) @k value: (true)))\n" \
	"            (#eq? @o \"subprocess\") (#any-of? @f \"run\" \"call\") (#eq? @k \"shell\"))\n"

static const char policy[] =
	"version: 1\n"
	"rules:\n"
	"  - id: shell\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [python]\n"
	"    lead_in: 'subprocess\\.\\w{1,9}\\('\n"
	"    hold: {bytes: 200}\n"
	"    query: |\n" QUERY_SHELL "  - id: eval\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: flag\n"
	"    languages: [javascript, typescript]\n"
	"    lead_in: '\\beval\\('\n"
	"    query: |\n"
	"      (call_expression function: (identifier) @f arguments: (arguments . [(identifier) (binary_expression)])\n"
	"        (#eq? @f \"eval\"))\n"
	"  - id: piped\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [bash]\n"
	"    lead_in: '\\bcurl '\n"
	"    query: |\n"
	"      (pipeline (command name: (command_name) @c) (command name: (command_name) @s)\n"
	"        (#eq? @c \"curl\") (#match? @s \"^(ba)?sh$\"))\n"
	"  - id: system\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [c]\n"
	"    lead_in: '\\bsystem\\('\n"
	"    query: |\n"
	"      (call_expression function: (identifier) @f arguments: (argument_list (identifier)) (#eq? @f \"system\"))\n"
	"  - id: spawn\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [go]\n"
	"    lead_in: '\\bspawn\\('\n"
	"    query: '(call_expression function: (identifier) @f (#eq? @f \"spawn\"))'\n"
	"  - id: fork\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [rust]\n"
	"    lead_in: '\\bfork\\('\n"
	"    query: '(call_expression function: (identifier) @f (#eq? @f \"fork\"))'\n"
	"  - id: execute\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [java]\n"
	"    lead_in: '\\bexecute\\('\n"
	"    query: '(method_invocation name: (identifier) @f (#eq? @f \"execute\"))'\n";

static struct play set;

static inline void open_set(void)
{
	set = play_open(policy);
}

static inline void close_set(void)
{
	play_close(&set);
}

#endif
