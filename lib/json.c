#include "lib/json.h"

#include <errno.h>
#include <yyjson.h>

/* Both structs are only names for yyjson's own; nothing else of it leaves this file. */
static yyjson_val *value_of(const struct json_value *v)
{
	return (yyjson_val *)(uintptr_t)v;
}

static const struct json_value *wrap(yyjson_val *v)
{
	return (const struct json_value *)(const void *)v;
}

static int parse(struct span text, yyjson_read_flag flags, struct json **out)
{
	yyjson_read_err err;
	/* Without the in-place flag the text is only read, whatever the type of the parameter says.
	 */
	yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.p, text.n, flags, NULL, &err);
	if (!doc)
		return err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? -ENOMEM : -EINVAL;
	*out = (struct json *)(void *)doc;
	return 0;
}

int json_parse(struct span text, struct json **out)
{
	return parse(text, YYJSON_READ_NOFLAG, out);
}

int json_parse_exact(struct span text, struct json **out)
{
	return parse(text, YYJSON_READ_NUMBER_AS_RAW | YYJSON_READ_ALLOW_INF_AND_NAN, out);
}

void json_free(struct json *j)
{
	yyjson_doc_free((yyjson_doc *)(void *)j);
}

const struct json_value *json_root(const struct json *j)
{
	return wrap(yyjson_doc_get_root((yyjson_doc *)(uintptr_t)j));
}

enum json_type json_type(const struct json_value *v)
{
	switch (yyjson_get_type(value_of(v))) {
	case YYJSON_TYPE_BOOL: return JSON_IS_BOOL;
	case YYJSON_TYPE_RAW:
	case YYJSON_TYPE_NUM: return JSON_IS_NUMBER;
	case YYJSON_TYPE_STR: return JSON_IS_TEXT;
	case YYJSON_TYPE_ARR: return JSON_IS_LIST;
	case YYJSON_TYPE_OBJ: return JSON_IS_MAP;
	default: return JSON_IS_NULL;
	}
}

bool json_bool(const struct json_value *v)
{
	return yyjson_is_true(value_of(v));
}

double json_number(const struct json_value *v)
{
	return yyjson_get_num(value_of(v));
}

struct span json_number_text(const struct json_value *v)
{
	const char *text = yyjson_get_raw(value_of(v));
	return text ? (struct span){ text, yyjson_get_len(value_of(v)) } : (struct span){ 0 };
}

struct span json_string(const struct json_value *v)
{
	const char *text = yyjson_get_str(value_of(v));
	return text ? (struct span){ text, yyjson_get_len(value_of(v)) } : (struct span){ "", 0 };
}

size_t json_count(const struct json_value *v)
{
	return yyjson_is_ctn(value_of(v)) ? yyjson_get_len(value_of(v)) : 0;
}

/* The key (of a map) or the value (of either) at an index. Small documents: walking is cheap
 * enough. */
static yyjson_val *walk(const struct json_value *v, size_t index, bool key)
{
	if (index >= json_count(v))
		return NULL;
	if (yyjson_is_arr(value_of(v)))
		return key ? NULL : yyjson_arr_get(value_of(v), index);
	yyjson_obj_iter it = yyjson_obj_iter_with(value_of(v));
	yyjson_val *k = yyjson_obj_iter_next(&it);
	while (index-- > 0)
		k = yyjson_obj_iter_next(&it);
	return key ? k : yyjson_obj_iter_get_val(k);
}

const struct json_value *json_at(const struct json_value *v, size_t index)
{
	return wrap(walk(v, index, false));
}

struct span json_key_at(const struct json_value *map, size_t index)
{
	return json_string(wrap(walk(map, index, true)));
}

const struct json_value *json_get(const struct json_value *map, const char *key)
{
	return wrap(yyjson_obj_get(value_of(map), key));
}

void json_children(const struct json_value *v, struct span *keys, const struct json_value **values)
{
	yyjson_arr_iter list = yyjson_arr_iter_with(value_of(v));
	yyjson_obj_iter map = yyjson_obj_iter_with(value_of(v));
	size_t n = 0;
	for (yyjson_val *at; (at = yyjson_arr_iter_next(&list)); n++)
		values[n] = wrap(at);
	for (yyjson_val *key; (key = yyjson_obj_iter_next(&map)); n++) {
		if (keys)
			keys[n] = json_string(wrap(key));
		values[n] = wrap(yyjson_obj_iter_get_val(key));
	}
}
