# Redcard. `make help` lists the targets.
MODE ?= release
B := build/$(MODE)
CC ?= gcc
LIBS := liburing libllhttp openssl libhs libpcre2-8 yyjson yaml-0.1 zlib libbrotlidec libzstd
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings
