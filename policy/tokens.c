#include "policy/tokens.h"

enum class {
	CLASS_START,
	CLASS_LETTER,
	CLASS_DIGIT,
	CLASS_BLANK,
	CLASS_LINE,
	CLASS_MARK,
	CLASS_HIGH
};

enum {
	LETTERS_LONG = 7,  /* this letter makes a word long */
	LETTERS_MANY = 16, /* no word, from here on */
	REPEATS = 64,      /* of one blank or mark in a token */
	RUN_MAX = UINT16_MAX - 3 * REPEATS
};

const struct token_habits token_habits[DIALECT_COUNT] = {
	[DIALECT_UNKNOWN] = { .percent = 100, .call = 9000, .more_calls = 9000 },
	[DIALECT_CHAT] = { .percent = 100, .call = 9000, .more_calls = 29000 },
	[DIALECT_RESPONSES] = { .percent = 100,
				.message = 2000,
				.call = 12000,
				.more_calls = 11000,
				.sealed = 161 },
	[DIALECT_MESSAGES] = { .percent = 115,
			       .message = 4000,
			       .part = 6000,
			       .call = 18000,
			       .more_calls = 18000,
			       .step = 30000,
			       .sealed_base = 200,
			       .sealed = 143 },
	[DIALECT_GEMINI] = { .percent = 105,
			     .call = 10000,
			     .more_calls = 6000,
			     .sealed_base = 90,
			     .sealed = 167 },
	[DIALECT_OLLAMA] = { .percent = 100, .call = 9000, .more_calls = 9000 },
};

static enum class class_of(unsigned char c) {
	unsigned char letter = c | 0x20; if (letter >= 'a' && letter <= 'z') return CLASS_LETTER;
	if (c >= '0' && c <= '9') return CLASS_DIGIT;
	if (c == ' ' || c == '\t') return CLASS_BLANK;
	if (c == '\n' || c == '\r') return CLASS_LINE;
	return c >= 0x80 ? CLASS_HIGH : CLASS_MARK;
}

static unsigned letter(struct token_text *t, unsigned char c)
{
	bool camel = c < 'a' && t->last >= 'a' && t->last <= 'z';
	if (t->run == 1 || camel) {
		t->letters = 1;
		if (t->run > 1)
			return 1340;
		return t->before == CLASS_MARK ? 400 : 1000;
	}
	if (t->letters < LETTERS_MANY)
		t->letters++;
	return t->letters == LETTERS_MANY ? 125 : t->letters == LETTERS_LONG ? 115 : 0;
}

static unsigned mark(const struct token_text *t, unsigned char c)
{
	if (t->run == 1)
		return t->before == CLASS_BLANK ? 1450 : 1060;
	if (t->run <= 3)
		return 240;
	return c != t->last ? 715 : t->run % REPEATS == 0 ? 1000 : 0;
}

/* Past ASCII: the first byte of a character pays for it. */
static unsigned high(unsigned char c)
{
	return c < 0xc0 ? 0 : c < 0xe0 ? 660 : c < 0xf0 ? 620 : 1550;
}

static unsigned price(struct token_text *t, unsigned char c)
{
	switch ((enum class)t->class) {
	case CLASS_START: break;
	case CLASS_LETTER: return letter(t, c);
	case CLASS_DIGIT: return t->run % 3 == 1 ? 1085 : 0;
	case CLASS_BLANK: return t->run == 2 ? 530 : t->run % REPEATS == 0 ? 1000 : 0;
	case CLASS_LINE: return t->run > 1 ? 100 : t->before == CLASS_MARK ? 30 : 820;
	case CLASS_MARK: return mark(t, c);
	case CLASS_HIGH: return high(c);
	}
	return 0;
}

static unsigned add(struct token_text *t, unsigned char byte)
{
	enum class class = class_of(byte);
	if (t->class != class) {
		t->before = t->class;
		t->class = (uint8_t) class;
		t->run = 0;
	} else if (t->run >= RUN_MAX) {
		t->run -= 3 * REPEATS; /* the same phase of digits and repetitions */
	}
	t->run++;
	unsigned milli = price(t, byte);
	t->last = byte;
	return milli;
}

size_t token_next(struct token_text *t, const char *p, size_t n, unsigned *milli)
{
	*milli = 0;
	for (size_t i = 0; i < n; i++) {
		*milli = add(t, (unsigned char)p[i]);
		if (*milli)
			return i + 1;
	}
	return n;
}
