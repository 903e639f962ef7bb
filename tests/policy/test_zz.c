#include <stdio.h>
#include "lib/file.h"
#include "lib/json.h"
#include "tests/policy/quorum_play.h"
Test(zz,measure,.timeout=3000)
{
	const char *name=getenv("FILE_");
	unsigned nodes=getenv("NODES")?atoi(getenv("NODES")):QUORUM_NODES;
	bool prop=getenv("PROP")!=NULL;
	enum form form=getenv("FORM_")?atoi(getenv("FORM_")):FORM_FENCE;
	struct buf all={0};
	cr_assert_eq(file_read(name,64<<20,&all),0);
	unsigned total=0,above=0,half=0,early=0,dis=0; double sum=0; uint64_t sz=0;unsigned hist[11]={0}, maxn=0;
	for(size_t at=0,n;at<all.n;at+=n+1){
		struct json*j=NULL; const char*end=memchr(all.p+at,'\n',all.n-at);
		n=end?(size_t)(end-all.p)-at:all.n-at;
		cr_assert_eq(json_parse((struct span){all.p+at,n},&j),0);
		const struct json_value*root=json_root(j);
		struct span a=json_string(json_get(root,"code_a")),b=json_string(json_get(root,"code_b")),l=json_string(json_get(root,"language"));
		const struct syntax_language*lang=syntax_find(l);
		if(!lang||!a.n||!b.n){json_free(j);continue;}
		struct quorum_settings s=play_settings(2,2); s.max_nodes=nodes;
		struct quorum*q=quorum_new(&s);
		struct answer v[2]={play_answer(form,lang->name,"py",a.p,a.n),play_answer(form,lang->name,"py",b.p,b.n)};
		struct answering on[2]={play_begin(&v[0]),play_begin(&v[1])};
		for(int k=1;k<=200;k++) for(int i=0;i<2;i++) if(!on[i].ended){
			size_t step=prop?v[i].bytes.n/200+1:(v[0].bytes.n>v[1].bytes.n?v[0].bytes.n:v[1].bytes.n)/200+1;
			play_step(q,i,&v[i],&on[i],step);
		}
		size_t m; struct quorum_pair p=*quorum_pairs(q,&m);
		cr_assert(p.judged);
		total++;
		maxn=p.nodes_a>maxn?p.nodes_a:maxn;
		double pc=score_percent(p.score.ab.low,p.score.ac.low,p.score.bc.low);
		if(p.scored&&p.reason==COMPARE_ABOVE_THRESHOLD){above++; dis+=p.seen<0.999; if(pc>=50){half++; sum+=p.seen; early+=p.seen<0.7; sz+=p.nodes_a+p.nodes_b;hist[(int)(p.seen*10)]++;
		 if(getenv("VERB")&&p.seen>=0.7)printf("%.0f%% seen %.2f nodes %u %u bytes %zu %zu\n",pc,p.seen,p.nodes_a,p.nodes_b,a.n,b.n);}}
		quorum_free(q); json_free(j); buf_fini(&v[0].bytes);buf_fini(&v[1].bytes);
	}
	printf("total %u above %u (disputed before the end %u) half %u early %u mean seen %.3f mean nodes %.0f max %u |",total,above,dis,half,early,sum/half,(double)sz/2/half,maxn);
	for(int i=0;i<11;i++)printf(" %u",hist[i]); 
	puts("");
}
