/* The rule pack, as bytes of the program. The assembler finds the files from the root of the tree.
 */
#include "policy/rule.h"

#define PACK(name)                                                                        \
	__asm__(".pushsection .rodata\n"                                                  \
		".balign 16\n"                                                            \
		"builtin_" #name "_start:\n"                                              \
		".incbin \"policy/rules/" #name ".yaml\"\n"                               \
		"builtin_" #name "_end:\n"                                                \
		".byte 0\n"                                                               \
		".popsection\n");                                                         \
	extern const char builtin_##name##_start[] __attribute__((visibility("hidden"))); \
	extern const char builtin_##name##_end[] __attribute__((visibility("hidden")))

PACK(secrets);
PACK(code);

const struct builtin_file *builtin_files(size_t *n)
{
	static struct builtin_file files[] = {
		{ "builtin/secrets.yaml", { builtin_secrets_start, 0 } },
		{ "builtin/code.yaml", { builtin_code_start, 0 } },
	};
	static const char *const ends[] = { builtin_secrets_end, builtin_code_end };
	/* The lengths are differences of labels, which are not constants to the compiler.
	 * Idempotent, so harmless when two threads do it. */
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		files[i].text.n = (size_t)(ends[i] - files[i].text.p);
	*n = ARRAY_LEN(files);
	return files;
}
