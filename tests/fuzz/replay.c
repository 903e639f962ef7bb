/*
 * Runs a fuzz target over files of its corpus, without a fuzzer: linked with each fuzz_NAME.c by
 * `make test`. Prints the name of each file before it runs, so that the last name printed is the
 * one that broke it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	size_t size = 0, room = 1 << 20;
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(room);
	int rc = -1;
	if (!file || !data)
		goto fail;
	size = fread(data, 1, room, file);
	if (ferror(file) || size == room)
		goto fail;
	/* Exactly as large, so that a sanitizer sees the first byte past the end. */
	uint8_t *exact = realloc(data, size ? size : 1);
	if (!exact)
		goto fail;
	data = exact;
	rc = LLVMFuzzerTestOneInput(data, size);
fail:
	if (file)
		fclose(file);
	free(data);
	return rc;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		printf("%s\n", argv[i]);
		fflush(stdout);
		if (replay(argv[i]) != 0) {
			fprintf(stderr,
				"%s: not read, larger than 1 MiB, or refused by the target\n",
				argv[i]);
			return 1;
		}
	}
	return 0;
}
