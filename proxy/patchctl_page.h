/* What the files of PatchCtl's pages share. */
#ifndef PROXY_PATCHCTL_PAGE_H
#define PROXY_PATCHCTL_PAGE_H

#include "proxy/admin_request.h"
#include "proxy/patchctl.h"
#include "proxy/patchctl_metrics.h"

struct patchctl *patchctl_of(const struct exchange *x);
/* As it was when the exchange began. */
const struct config_patchctl *patchctl_config(const struct exchange *x);
struct span patchctl_said(const struct exchange *x); /* the request's body */

/* Each of these answers; the exchange is at its end. */
enum step_next patchctl_answer(struct exchange *x, unsigned status, struct buf *out);
enum step_next patchctl_broken(struct exchange *x, int error);
enum step_next patchctl_refuse(struct exchange *x, enum patchctl_refusal why, unsigned status,
			       const char *title, const char *detail);

/* Of a GET. */
enum step_next patchctl_read_page(struct exchange *x, struct span path, struct span query);
/* A rollback that is to be planned. */
enum step_next patchctl_post_plan(struct exchange *x, const struct rollback *r);

bool patchctl_path_begins(struct span path, struct span prefix); /* and goes on */

#endif
