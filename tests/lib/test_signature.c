/* lib/signature.c against RFC 8032's third example, and what it must refuse. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "lib/signature.h"

#define SPAN_IN(b) ((struct span){ (b).p, (b).n })

/* RFC 8032, 7.1, test 3, in PEM. */
static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
				 "MCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=\n"
				 "-----END PUBLIC KEY-----\n";
static const char example[] = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
			      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

Test(signature, example_of_the_rfc)
{
	struct signature_key *k;
	struct span rest = span_of(public_pem), text = { "\xaf\x82", 2 };
	cr_assert_eq(signature_read_public(&rest, &k), 0);
	cr_assert_eq(rest.n, 0);
	cr_assert(signature_good(k, text, span_of(example)));
	cr_assert_not(signature_good(k, SPAN("\xaf\x83"), span_of(example)));
	signature_free(k);
}

Test(signature, what_is_signed_is_good_and_nothing_else_is)
{
	struct signature_key *k, *again, *public, *other;
	struct buf private_pem = { 0 }, public_text = { 0 };
	char hex[SIGNATURE_HEX];
	cr_assert_eq(signature_generate(&k), 0);
	cr_assert_eq(signature_generate(&other), 0);
	cr_assert_eq(signature_write_private(k, &private_pem), 0);
	cr_assert_eq(signature_write_public(k, &public_text), 0);
	cr_assert_eq(signature_write_public(other, &public_text), 0);
	cr_assert_eq(signature_read_private(SPAN_IN(private_pem), &again), 0);
	cr_assert_str_eq(signature_key_id(k), signature_key_id(again));
	cr_assert_str_neq(signature_key_id(k), signature_key_id(other));
	cr_assert_eq(signature_sign(again, SPAN("text"), hex), 0);
	struct span rest = SPAN_IN(public_text);
	cr_assert_eq(signature_read_public(&rest, &public), 0);
	cr_assert(signature_good(public, SPAN("text"), span_of(hex)));
	cr_assert_not(signature_good(public, SPAN("texts"), span_of(hex)));
	cr_assert_not(signature_good(other, SPAN("text"), span_of(hex)));
	for (size_t i = 0; i < 2 * SIGNATURE_BYTES; i++) {
		char bad[SIGNATURE_HEX];
		memcpy(bad, hex, sizeof(bad));
		bad[i] = bad[i] == '0' ? '1' : '0';
		cr_assert_not(signature_good(public, SPAN("text"), span_of(bad)), "digit %zu", i);
		bad[i] = 'A';
		cr_assert_not(signature_good(public, SPAN("text"), span_of(bad)), "digit %zu", i);
	}
	cr_assert_not(signature_good(public, SPAN("text"), SPAN("")));
	signature_free(public);
	cr_assert_eq(signature_read_public(&rest, &public), 0);
	cr_assert_str_eq(signature_key_id(public), signature_key_id(other));
	signature_free(public);
	cr_assert_eq(signature_read_public(&rest, &public), -ENOENT);
	signature_free(k);
	signature_free(again);
	signature_free(other);
	buf_fini(&private_pem);
	buf_fini(&public_text);
}

Test(signature, other_files_are_no_keys)
{
	struct signature_key *k;
	struct span rest = SPAN("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
	cr_assert_eq(signature_read_public(&rest, &k), -EINVAL);
	cr_assert_eq(signature_read_private(span_of(public_pem), &k), -EINVAL);
	cr_assert_eq(signature_read_private(SPAN(""), &k), -EINVAL);
}
