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
PACK(code_python);
PACK(code_javascript);
PACK(code_java);
PACK(code_c);
PACK(code_rust);
PACK(code_go);
PACK(code_shell);
PACK(syntax);
PACK(assertions);

bool builtin_file(size_t i, struct builtin_file *out)
{
	static const struct {
		const char *name, *start, *end;
	} files[] = {
		{ "builtin/secrets.yaml", builtin_secrets_start, builtin_secrets_end },
		{ "builtin/code.yaml", builtin_code_start, builtin_code_end },
		{ "builtin/code_python.yaml", builtin_code_python_start, builtin_code_python_end },
		{ "builtin/code_javascript.yaml", builtin_code_javascript_start,
		  builtin_code_javascript_end },
		{ "builtin/code_java.yaml", builtin_code_java_start, builtin_code_java_end },
		{ "builtin/code_c.yaml", builtin_code_c_start, builtin_code_c_end },
		{ "builtin/code_rust.yaml", builtin_code_rust_start, builtin_code_rust_end },
		{ "builtin/code_go.yaml", builtin_code_go_start, builtin_code_go_end },
		{ "builtin/code_shell.yaml", builtin_code_shell_start, builtin_code_shell_end },
		{ "builtin/syntax.yaml", builtin_syntax_start, builtin_syntax_end },
		{ "builtin/assertions.yaml", builtin_assertions_start, builtin_assertions_end },
	};
	if (i >= ARRAY_LEN(files))
		return false;
	out->name = files[i].name;
	out->text = (struct span){ files[i].start, (size_t)(files[i].end - files[i].start) };
	return true;
}
