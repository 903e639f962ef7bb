/* Fences in prose: the file that each one is, and what stands behind the fence about it. */
#include <string.h>

#include "policy/render_parts.h"

/* "src/a.py", and not "c++" or "{.python". */
static bool is_path(struct span word)
{
	const char *dot = word.n ? memrchr(word.p, '.', word.n) : NULL;
	bool folder = word.n && memchr(word.p, '/', word.n);
	return folder || (dot && dot > word.p && dot + 1 < word.p + word.n);
}

static struct span unquoted(struct span s)
{
	while (s.n && strchr("\"'", s.p[0]))
		s.p++, s.n--;
	while (s.n && strchr("\"'", s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The value of title=app.py and the like; else empty. */
static struct span named(struct span word)
{
	static const char *const keys[] = {
		"title", "file", "filename", "path", "filepath", "name"
	};
	const char *equals = word.n ? memchr(word.p, '=', word.n) : NULL;
	for (size_t i = 0; equals && i < ARRAY_LEN(keys); i++)
		if (span_eq_nocase((struct span){ word.p, (size_t)(equals - word.p) },
				   span_of(keys[i])))
			return unquoted((struct span){ equals + 1,
						       (size_t)(word.p + word.n - equals) - 1 });
	return (struct span){ NULL, 0 };
}

/* Takes the first word: up to a blank, or up to a brace or comma. */
static struct span next_word(struct span *line)
{
	const char *stops = " \t\r\n{},";
	while (line->n && strchr(stops, line->p[0]))
		line->p++, line->n--;
	struct span word = { line->p, 0 };
	while (word.n < line->n && !strchr(stops, word.p[word.n]))
		word.n++;
	line->p += word.n;
	line->n -= word.n;
	return word;
}

/* Of several, from the first to the last: which one a client takes is not known. */
static void add_path(struct span *path, struct span one)
{
	if (path->n)
		path->n = (size_t)(one.p + one.n - path->p);
	else
		*path = one;
}

/* The language that the info string states, and the path. */
static void read_info(struct span line, struct span *language, struct span *path)
{
	bool first = true;
	*language = *path = (struct span){ NULL, 0 };
	for (struct span word; (word = next_word(&line)).n; first = false) {
		struct span value = named(word);
		const char *colon = memrchr(word.p, ':', word.n);
		if (value.n) {
			add_path(path, value);
		} else if (first && colon && colon > word.p) {
			*language = (struct span){ word.p, (size_t)(colon - word.p) };
			add_path(path,
				 (struct span){ colon + 1, (size_t)(word.p + word.n - colon) - 1 });
		} else if (is_path(word)) {
			add_path(path, word);
		} else if (first) {
			*language = word;
		}
	}
	if (language->n && language->p[0] == '.')
		language->p++, language->n--;
}

/* What the line above the fence names. */
static struct span above(struct strand *s, const struct render_file *f)
{
	prose_keep(&s->before, f->stated, f->language);
	size_t n = s->before.n;
	return (struct span){ s->before.files, n > 0 && n <= RENDER_PATH ? n - 1 : n };
}

static void begin_file(struct strand *s, struct render *r)
{
	struct render_file *f = render_open(r, RENDER_FENCE, s->of);
	struct span line = { s->line, s->line_n }, language, path;
	if (!f)
		return;
	s->file = r->n;
	while (line.n && line.p[0] == ' ') {
		line.p++, line.n--;
		f->indent++;
	}
	while (line.n && strchr("`~", line.p[0]))
		line.p++, line.n--;
	read_info(line, &language, &path);
	f->stated = language.n > 0;
	f->language = syntax_find(language);
	if (!path.n)
		path = above(s, f);
	if (s->line_n == sizeof(s->line) || path.n > RENDER_PATH)
		render_fail(r, COMPARE_TOO_LARGE);
	else if (path.n)
		render_name(r, f, path);
	s->before = (struct prose_lines){ .text = true };
	s->line_n = 0;
	s->line_whole = false;
}

/* The last line is the fence that closes it. */
static void drop_line(struct render_file *f)
{
	size_t n = f->text.n;
	while (n && f->text.p[n - 1] == '\n')
		n--;
	while (n && f->text.p[n - 1] != '\n')
		n--;
	f->text.n = n;
}

static void end_file(struct strand *s, struct render *r, bool fence)
{
	struct render_file *f = &r->files[s->file - 1];
	if (fence)
		drop_line(f);
	f->open = false;
	s->file = 0;
}

/* Readers may see a fence in a line where fence.h sees none: behind marks of lists and quotes, deep
 * in, at a line's end. What is code is then not known. Runs in pairs are code in a sentence. */
static void look_for_runs(struct strand *s, struct render *r, const char *p, size_t n, bool opened)
{
	for (size_t i = 0; i < n; i++) {
		bool mark = p[i] == '`' || p[i] == '~', end = p[i] == '\n';
		s->run = !mark                         ? 0
			 : s->run && p[i] == s->run_of ? (uint8_t)min_u64(s->run + 1u, 4)
						       : 1;
		s->run_of = p[i];
		s->odd_runs = s->odd_runs != (s->run == 3);
		if (end && s->odd_runs && !(opened && i + 1 == n))
			render_fail(r, COMPARE_UNSUPPORTED);
		s->odd_runs = s->odd_runs && !end;
	}
}

static void end_line(struct strand *s, struct render *r)
{
	if (!prose_line(&s->before, (struct span){ s->line, s->line_n }))
		render_fail(r, COMPARE_UNSUPPORTED);
	s->line_n = 0;
	s->line_whole = false;
}

/* Of the line that may be a fence, as much as matters. One that ends here waits, as it may be one.
 */
static void keep_line(struct strand *s, struct render *r, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s->line_whole)
			end_line(s, r);
		s->line_whole = p[i] == '\n';
		if (s->line_n < sizeof(s->line) && !s->line_whole)
			s->line[s->line_n++] = p[i];
	}
}

void render_prose(struct render *r, struct strand *s, const char *p, size_t n)
{
	while (n && !r->failed) {
		bool code;
		size_t took = fence_feed(&s->fence, p, n, &code);
		if (!code) {
			keep_line(s, r, p, took);
			look_for_runs(s, r, p, took, fence_in_code(&s->fence));
		} else {
			render_add(r, &r->files[s->file - 1], p, took);
		}
		if (r->failed)
			return;
		if (code && !fence_in_code(&s->fence))
			end_file(s, r, true);
		else if (!code && fence_in_code(&s->fence))
			begin_file(s, r);
		p += took;
		n -= took;
	}
}

void render_prose_end(struct render *r, struct strand *s)
{
	bool closed = fence_may_close(&s->fence);
	if (!s->file && s->line_n)
		end_line(s, r);
	if (!s->file)
		return;
	end_file(s, r, closed);
	if (!closed) /* a model may stop in the middle of its answer, which is complete as HTTP has
			it */
		render_fail(r, COMPARE_TRUNCATED);
}
