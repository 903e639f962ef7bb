/* lib/yaml.c: trees with lines, and one line for everything that plain configuration does not need.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/yaml.h"

static struct yaml *must(const char *text, unsigned flags)
{
	struct buf errors = { 0 };
	struct yaml *y = NULL;
	int rc = yaml_parse("t.yaml", span_of(text), flags, &y, &errors);
	cr_assert_eq(rc, 0, "%.*s", (int)errors.n, errors.p);
	cr_assert_eq(errors.n, 0);
	return y;
}

static void refuse(const char *text, unsigned flags, const char *line)
{
	struct buf errors = { 0 };
	struct yaml *y = (struct yaml *)0x1;
	int rc = yaml_parse("t.yaml", span_of(text), flags, &y, &errors);
	cr_assert_eq(rc, -EINVAL, "%s", text);
	cr_assert_eq(y, (struct yaml *)0x1);
	buf_add_char(&errors, '\0');
	cr_assert(strncmp(errors.p, line, strlen(line)) == 0, "got  %s\nwant %s", errors.p, line);
	cr_assert_not_null(strchr(errors.p, ';'), "no remedy in %s", errors.p);
	cr_assert_eq(strchr(errors.p, '\n') - errors.p, (long)errors.n - 2, "one line: %s",
		     errors.p);
	buf_fini(&errors);
}

Test(yaml, tree_with_lines)
{
	struct yaml *y = must(
		"# top\nversion: 1\nhold: {bytes: 4096, time: 5s}\nrules:\n  - id: a\n    regex: 'x: y'\n"
		"  - id: \"b\"\n    text: |\n      one\n      two\n",
		0);
	const struct yaml_node *root = yaml_root(y);
	cr_assert_eq(root->kind, YAML_MAP);
	cr_assert_str_eq(yaml_name(y), "t.yaml");
	const struct yaml_node *version = yaml_get(root, "version");
	cr_assert_str_eq(version->text, "1");
	cr_assert_eq(version->line, 2);
	cr_assert_not(version->quoted);
	cr_assert_str_eq(yaml_get(yaml_get(root, "hold"), "time")->text, "5s");
	const struct yaml_node *rules = yaml_get(root, "rules");
	cr_assert_eq(rules->kind, YAML_LIST);
	cr_assert_eq(rules->line, 4);
	const struct yaml_node *a = rules->first, *b = a->next;
	cr_assert_eq(a->line, 5);
	cr_assert_null(a->key);
	cr_assert_str_eq(yaml_get(a, "regex")->text, "x: y");
	cr_assert(yaml_get(a, "regex")->quoted);
	cr_assert_eq(yaml_get(a, "regex")->line, 6);
	cr_assert_eq(yaml_get(b, "text")->line, 8);
	cr_assert_str_eq(yaml_get(b, "text")->text, "one\ntwo\n");
	cr_assert_eq(yaml_get(b, "text")->len, 8);
	cr_assert_null(b->next);
	cr_assert_null(yaml_get(root, "absent"));
	cr_assert_null(yaml_get(version, "x"));
	yaml_free(y);
	yaml_free(NULL);
}

Test(yaml, nulls_are_empty_text)
{
	struct yaml *y = must("a:\nb: ~\nc: null\nd: 'null'\ne: ''\n", 0);
	cr_assert_str_eq(yaml_get(yaml_root(y), "a")->text, "");
	cr_assert_str_eq(yaml_get(yaml_root(y), "b")->text, "");
	cr_assert_str_eq(yaml_get(yaml_root(y), "c")->text, "");
	cr_assert_str_eq(yaml_get(yaml_root(y), "d")->text, "null");
	cr_assert(yaml_get(yaml_root(y), "e")->quoted);
	yaml_free(y);
}

Test(yaml, refuses_what_is_not_plain)
{
	refuse("", 0, "t.yaml:1: the file is empty");
	refuse("# nothing\n", 0, "t.yaml:1: the file is empty");
	refuse("a: 1\nb: 2\na: 3\n", 0, "t.yaml:3: key \"a\" stands here twice");
	refuse("a: &x 1\n", 0, "t.yaml:1: anchors and tags");
	refuse("a: &x [1]\n", 0, "t.yaml:1: anchors and tags");
	refuse("a: &x {b: 1}\n", 0, "t.yaml:1: anchors and tags");
	refuse("a: !!binary aGk=\n", 0, "t.yaml:1: anchors and tags");
	refuse("b: 1\na: *x\n", 0, "t.yaml:2: ");
	refuse("a: 1\n---\nb: 2\n", 0, "t.yaml:2: a second document begins");
	refuse("a: 1\n? [x]\n: 2\n", 0, "t.yaml:2: a key must be plain text");
	refuse("a: \"x\\0y\"\n", 0, "t.yaml:1: a value holds a NUL");
	refuse("a: 1\nb: [1, 2\nc: 3\n", 0, "t.yaml:3: not valid YAML");
	refuse("a: 1\n\tb: 2\n", 0, "t.yaml:2: not valid YAML");
	refuse("a:\n\tb: 2\n", 0,
	       "t.yaml:2: not valid YAML (found character that cannot start any token); there is a tab");
	refuse("a: \"x\\.y\"\n", 0,
	       "t.yaml:1: not valid YAML (found unknown escape character); use single");
	refuse("a: 1\nb: \"x\nc: 1\n", 0,
	       "t.yaml:4: not valid YAML (found unexpected end of stream; while scanning a quoted "
	       "scalar that began on line 2); close");
	refuse("a: 1\nb: \xff\n", 0, "t.yaml:2: not valid YAML");
}

Test(yaml, nesting_is_bounded)
{
	char text[200] = "";
	for (int i = 0; i < 40; i++)
		strcat(text, "[");
	refuse(text, 0, "t.yaml:1: nested deeper");
}

Test(yaml, interpolation)
{
	setenv("YAML_TEST_HOME", "here", 1);
	unsetenv("YAML_TEST_UNSET");
	struct yaml *y = must(
		"a: ${YAML_TEST_HOME}/x\nb: '${YAML_TEST_UNSET:-there}${YAML_TEST_HOME}'\nc: $${A} $5\n"
		"d: ${YAML_TEST_UNSET:-}\n",
		YAML_INTERPOLATE);
	cr_assert_str_eq(yaml_get(yaml_root(y), "a")->text, "here/x");
	cr_assert_str_eq(yaml_get(yaml_root(y), "b")->text, "therehere");
	cr_assert_eq(yaml_get(yaml_root(y), "b")->len, 9);
	cr_assert_str_eq(yaml_get(yaml_root(y), "c")->text, "${A} $5");
	cr_assert_str_eq(yaml_get(yaml_root(y), "d")->text, "");
	yaml_free(y);
	y = must("a: ${YAML_TEST_HOME}\n", 0);
	cr_assert_str_eq(yaml_get(yaml_root(y), "a")->text, "${YAML_TEST_HOME}");
	yaml_free(y);
	refuse("x: 1\na: ${YAML_TEST_UNSET}\n", YAML_INTERPOLATE,
	       "t.yaml:2: environment variable YAML_TEST_UNSET is not set");
	refuse("a: '${}'\n", YAML_INTERPOLATE, "t.yaml:1: a \"${\" without a variable");
	refuse("a: '${X'\n", YAML_INTERPOLATE, "t.yaml:1: a \"${\" without a variable");
	refuse("a: '${X Y}'\n", YAML_INTERPOLATE, "t.yaml:1: a \"${\" without a variable");
}

Test(yaml, files)
{
	struct buf errors = { 0 };
	struct yaml *y = NULL;
	cr_assert_eq(yaml_load("/nonexistent/x.yaml", 0, &y, &errors), -ENOENT);
	buf_add_char(&errors, '\0');
	cr_assert(strncmp(errors.p, "/nonexistent/x.yaml:1: cannot be read (", 39) == 0, "%s",
		  errors.p);
	buf_clear(&errors);
	cr_assert_eq(yaml_load("/", 0, &y, &errors), -EISDIR);
	buf_clear(&errors);
	char path[] = "/tmp/yamlXXXXXX";
	int fd = mkstemp(path);
	cr_assert_eq(write(fd, "k: v\n", 5), 5);
	close(fd);
	cr_assert_eq(yaml_load(path, 0, &y, &errors), 0);
	cr_assert_str_eq(yaml_get(yaml_root(y), "k")->text, "v");
	yaml_free(y);
	unlink(path);
	buf_fini(&errors);
}
