/* Lines of prose around code: the file that one names for the fence below it, and code that stands
 * in no fence. */
#include <string.h>

#include "policy/render_parts.h"

/* Files that are written about without being in a language of ours. */
static const char others[] =
	" bat cc cfg conf cpp cs css csv cxx env gradle hpp html ini ipynb json "
	"kt lock md mod php properties proto ps1 rb scss sql svg swift toml "
	"txt vue xml yaml yml ";

static bool is_file(struct span word)
{
	const char *dot = word.n ? memrchr(word.p, '.', word.n) : NULL;
	if (!dot || dot == word.p || memchr(word.p, ':', word.n))
		return false;
	struct span end = { dot + 1, (size_t)(word.p + word.n - dot) - 1 };
	return syntax_of_file(word) || (end.n && syntax_listed(others, end));
}

static struct span next_word(struct span *line)
{
	static const char parts[] = " \t\r*`\"'()[]<>,;!?=";
	while (line->n && strchr(parts, line->p[0]) && line->p[0])
		line->p++, line->n--;
	struct span word = { line->p, 0 };
	while (word.n < line->n && !(strchr(parts, word.p[word.n]) && word.p[word.n]))
		word.n++;
	line->p += word.n;
	line->n -= word.n;
	while (word.n && strchr(".:", word.p[word.n - 1]))
		word.n--;
	return word;
}

static void add_file(struct prose_lines *b, struct span word)
{
	size_t room = b->n > sizeof(b->files) ? 0 : sizeof(b->files) - b->n;
	if (word.n >= room) {
		b->n = sizeof(b->files) + 1;
		return;
	}
	memmove(b->files + b->n, word.p, word.n);
	b->n = (uint16_t)(b->n + word.n);
	b->files[b->n++] = ' ';
}

/* All that it names: which one a reader takes is not known. */
static void take_files(struct prose_lines *b, struct span line)
{
	b->n = 0;
	while (line.n) {
		struct span word = next_word(&line);
		if (is_file(word))
			add_file(b, word);
	}
}

void prose_keep(struct prose_lines *b, bool stated, const struct syntax_language *language)
{
	if (b->n > sizeof(b->files) || (!stated && !language))
		return;
	struct span all = { b->files, b->n };
	b->n = 0;
	while (all.n) {
		struct span word = next_word(&all);
		if (word.n && syntax_of_file(word) == language)
			add_file(b, word);
	}
}

static bool is_item(struct span line)
{
	size_t digits = 0;
	while (digits < line.n && line.p[digits] >= '0' && line.p[digits] <= '9')
		digits++;
	size_t mark = digits && digits < 10 && digits < line.n && strchr(".)", line.p[digits])
			      ? digits + 1
		      : line.n && line.p[0] && strchr("-+*", line.p[0]) ? 1
									: 0;
	return mark && (mark == line.n || line.p[mark] == ' ' || line.p[mark] == '\t');
}

/* HTML whose text is shown, or run, as it stands. */
static bool is_verbatim(struct span line)
{
	static const char *const tags[] = { "<pre", "<script", "<style", "<textarea" };
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		size_t n = strlen(tags[i]);
		if (line.n >= n && span_eq_nocase((struct span){ line.p, n }, span_of(tags[i])) &&
		    (line.n == n || memchr(" \t>", line.p[n], 3)))
			return true;
	}
	return false;
}

bool prose_line(struct prose_lines *b, struct span line)
{
	bool after_text = b->text;
	size_t columns = 0;
	while (line.n && memchr(" \t\r", line.p[0], 3)) {
		columns += line.p[0] == '\t' ? 4 : line.p[0] == ' ';
		line.p++, line.n--;
	}
	b->text = line.n > 0;
	if (!line.n)
		return true;
	take_files(b, line);
	/* Deep in, behind a blank line: a paragraph of an item, or code. */
	if (columns >= 4)
		return after_text || b->listed;
	b->listed = is_item(line) || (b->listed && (columns || after_text));
	return !is_verbatim(line);
}
