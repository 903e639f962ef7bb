// C++ because the library is; nothing of it is seen outside, no exception leaves.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <new>
#include <sstream>
#include <string>

#define _Noreturn [[noreturn]]
extern "C" {
#include "lib/buf.h"
}
#include "lib/toml.h"

static constexpr std::size_t bytes_max = 4 * 1024 * 1024;

struct toml_tree {
	std::deque<yaml_node> nodes; /* their addresses stay */
	std::deque<std::string> texts;
	yaml_node *root = nullptr;
};

static const char *keep(toml_tree *t, std::string text)
{
	t->texts.push_back(std::move(text));
	return t->texts.back().c_str();
}

static std::string text_of(const ::toml::v3::node &n)
{
	if (auto s = n.as_string())
		return s->get();
	std::ostringstream out;
	n.visit([&](const auto &v) {
		if constexpr (::toml::v3::is_value<decltype(v)>)
			out << v.get();
	});
	return n.is_boolean() ? (n.as_boolean()->get() ? "true" : "false") : out.str();
}

static yaml_node *convert(toml_tree *t, const ::toml::v3::node &n, const char *key, unsigned line)
{
	t->nodes.push_back(yaml_node{});
	yaml_node *out = &t->nodes.back();
	out->key = key;
	out->line = n.source().begin.line ? n.source().begin.line : line;
	out->text = "";
	yaml_node **tail = &out->first;
	if (auto table = n.as_table()) {
		out->kind = YAML_MAP;
		for (auto &&[name, child] : *table) {
			*tail = convert(t, child, keep(t, std::string(name.str())), out->line);
			tail = &(*tail)->next;
		}
	} else if (auto array = n.as_array()) {
		out->kind = YAML_LIST;
		for (auto &&child : *array) {
			*tail = convert(t, child, nullptr, out->line);
			tail = &(*tail)->next;
		}
	} else {
		std::string text = text_of(n);
		out->kind = YAML_SCALAR;
		out->len = text.size();
		out->quoted = n.is_string();
		out->text = keep(t, std::move(text));
	}
	return out;
}

static int read(const char *path, std::string *out)
{
	errno = 0;
	std::ifstream in(path, std::ios::binary);
	if (!in)
		return errno ? -errno : -EIO;
	out->resize(bytes_max + 1);
	in.read(out->data(), static_cast<std::streamsize>(out->size()));
	if (in.bad())
		return -EIO;
	out->resize(static_cast<std::size_t>(in.gcount()));
	return out->size() > bytes_max ? -EFBIG : 0;
}

static int load(const char *path, toml_tree **out, buf *errors)
{
	std::string text;
	int error = read(path, &text);
	if (error)
		return error;
	auto parsed = ::toml::v3::parse(std::string_view(text), std::string_view(path));
	if (!parsed) {
		std::string why(parsed.error().description());
		buf_printf(errors, "%s:%u: not TOML: %s; correct it there\n", path,
			   static_cast<unsigned>(parsed.error().source().begin.line), why.c_str());
		return -EINVAL;
	}
	toml_tree *t = new toml_tree;
	t->root = convert(t, parsed.table(), nullptr, 1);
	*out = t;
	return 0;
}

extern "C" int toml_load(const char *path, struct toml_tree **out, struct buf *errors)
{
	try {
		return load(path, out, errors);
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	}
}

extern "C" void toml_free(struct toml_tree *t)
{
	delete t;
}

extern "C" const struct yaml_node *toml_root(const struct toml_tree *t)
{
	return t->root;
}
