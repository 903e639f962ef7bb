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
