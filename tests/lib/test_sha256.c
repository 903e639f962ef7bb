/* lib/sha256.c against the examples that NIST publishes for FIPS 180-4, whole and at every split.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/sha256.h"

static const struct {
	const char *text, *hex;
} examples[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

Test(sha256, examples_at_every_split)
{
	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		struct span text = span_of(examples[i].text);
		char hex[SHA256_HEX];
		cr_assert_eq(sha256_of(text, hex), 0);
		cr_assert_str_eq(hex, examples[i].hex);
		for (size_t cut = 0; cut <= text.n; cut++) {
			struct sha256 *h = sha256_new();
			sha256_feed(h, text.p, cut);
			sha256_feed(h, text.p + cut, text.n - cut);
			cr_assert_eq(sha256_finish_hex(h, hex), 0);
			cr_assert_str_eq(hex, examples[i].hex);
			cr_assert_neq(sha256_finish_hex(h, hex), 0,
				      "a second finish must not look right");
			sha256_free(h);
		}
	}
	sha256_free(NULL);
}

/* The examples of RFC 4231, cases 2 and 6. */
Test(sha256, hmac)
{
	char long_key[131], hex[SHA256_HEX];
	memset(long_key, 0xaa, sizeof(long_key));
	cr_assert_eq(sha256_hmac(SPAN("Jefe"), SPAN("what do ya want for nothing?"), hex), 0);
	cr_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	cr_assert_eq(sha256_hmac((struct span){ long_key, sizeof(long_key) },
				 SPAN("Test Using Larger Than Block-Size Key - Hash Key First"),
				 hex),
		     0);
	cr_assert_str_eq(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
