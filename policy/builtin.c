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

bool builtin_file(size_t i, struct builtin_file *out)
{
	static const struct {
		const char *name, *start, *end;
	} files[] = {
		{ "builtin/secrets.yaml", builtin_secrets_start, builtin_secrets_end },
		{ "builtin/code.yaml", builtin_code_start, builtin_code_end },
	};
	if (i >= ARRAY_LEN(files))
		return false;
	out->name = files[i].name;
	out->text = (struct span){ files[i].start, (size_t)(files[i].end - files[i].start) };
	return true;
}
