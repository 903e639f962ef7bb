/* What this binary is. */
#ifndef PROXY_VERSION_H
#define PROXY_VERSION_H

extern const char redcard_version[]; /* as `git describe` says, or "unknown" */

#endif
