/* The state of a change: the worst of what the ledger has about it, whatever is kept in memory. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/change_state.h"

static char folder[] = "/tmp/redcard-states-XXXXXX";
static struct ledger_store *writer, *reader;
static struct change_states *states;

static void set_up(void)
{
	char path[64];
	struct buf why = { 0 };
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/l", folder);
	cr_assert_eq(ledger_store_open(path, true, &writer, &why), 0);
	cr_assert_eq(ledger_store_open(path, false, &reader, &why), 0);
	buf_fini(&why);
	states = change_states_new();
	cr_assert_not_null(states);
}

static void tear_down(void)
{
	char command[96];
	change_states_free(states);
	ledger_store_close(reader);
	ledger_store_close(writer);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

static void append(const char *kind, const char *change, const char *body)
{
	struct ledger_added added;
	const struct ledger_row row = { .kind = span_of(kind),
					.subject = span_of(change),
					.body = span_of(body) };
	cr_assert_eq(ledger_store_append(writer, &row, &added), 0);
}

static void event(const char *change, const char *body)
{
	cr_assert_eq(ledger_store_begin(writer), 0);
	append("meta", change, body);
	cr_assert_eq(ledger_store_commit(writer), 0);
}

static struct change_state read_state(const char *change)
{
	struct change_state s;
	cr_assert_eq(change_state_read(states, reader, span_of(change), &s), 0);
	return s;
}

static void expect(const char *change, uint64_t events, uint64_t violations, const char *says)
{
	struct change_state s = read_state(change);
	struct buf out = { 0 };
	cr_assert_eq(s.events, events, "%s: %d", change, (int)s.events);
	cr_assert_eq(s.violations, violations, "%s: %d", change, (int)s.violations);
	change_state_add(&out, &s);
	buf_add(&out, "", 1);
	cr_assert_not_null(strstr(out.p, says), "%s: %s", change, out.p);
	buf_fini(&out);
}

#define PASS "{\"severity\":null,\"verdict\":\"pass\"}"
#define BROKEN(s) "{\"severity\":\"" s "\",\"verdict\":\"violation\"}"

TestSuite(change_state, .init = set_up, .fini = tear_down);

Test(change_state, the_worst_stays)
{
	expect("c", 0, 0, "\"state\":\"unknown\"");
	event("c", PASS);
	expect("c", 1, 0, "\"severity\":null,\"state\":\"pass\"");
	event("c", BROKEN("medium"));
	event("c", PASS);
	expect("c", 3, 1, "\"severity\":\"medium\",\"state\":\"violation\"");
	event("c", BROKEN("critical"));
	event("c", BROKEN("low"));
	event("c", PASS);
	expect("c", 6, 3, "\"severity\":\"critical\",\"state\":\"violation\"");
	event("d", BROKEN("low"));
	expect("d", 1, 1, "\"severity\":\"low\"");
	expect("e", 0, 0, "\"state\":\"unknown\"");
}

/* Such as another program may have added. */
Test(change_state, what_does_not_say_that_it_passed_has_not)
{
	event("a", "{}");
	expect("a", 1, 1, "\"severity\":\"critical\",\"state\":\"violation\"");
	event("b", "{\"verdict\":\"good\"}");
	expect("b", 1, 1, "\"severity\":\"critical\"");
	event("d", "{\"verdict\":true,\"severity\":\"odd\"}");
	expect("d", 1, 1, "\"severity\":\"critical\"");
	cr_assert_eq(ledger_store_begin(writer), 0);
	append("card", "f", PASS);
	cr_assert_eq(ledger_store_commit(writer), 0);
	expect("f", 0, 0, "\"state\":\"unknown\"");
}

Test(change_state, what_is_forgotten_is_read_again)
{
	char name[16];
	cr_assert_eq(ledger_store_begin(writer), 0);
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		append("meta", name, i % 2 ? PASS : BROKEN("high"));
	}
	cr_assert_eq(ledger_store_commit(writer), 0);
	for (int i = 0; i < 1800; i++) {
		snprintf(name, sizeof(name), "c%d", i % 600);
		expect(name, 1, i % 2 ? 0 : 1, i % 2 ? "\"pass\"" : "\"violation\"");
	}
}

Test(change_state, names)
{
	struct change_state s;
	char name[LEDGER_SUBJECT_MAX + 2];
	memset(name, 'c', sizeof(name));
	cr_assert_eq(change_state_read(states, reader, (struct span){ name, 0 }, &s), -EINVAL);
	cr_assert_eq(change_state_read(states, reader,
				       (struct span){ name, LEDGER_SUBJECT_MAX + 1 }, &s),
		     -EINVAL);
	cr_assert_eq(
		change_state_read(states, reader, (struct span){ name, LEDGER_SUBJECT_MAX }, &s),
		0);
	cr_assert_eq(s.events, 0);
}

Test(change_state, many_events_take_more_than_one_call)
{
	struct change_state s;
	cr_assert_eq(ledger_store_begin(writer), 0);
	append("meta", "c", BROKEN("low"));
	for (int i = 0; i < 20000; i++)
		append("meta", "c", PASS);
	cr_assert_eq(ledger_store_commit(writer), 0);
	cr_assert_eq(change_state_read(states, reader, SPAN("c"), &s), -EAGAIN);
	expect("c", 20001, 1, "\"violation\"");
}
