# fish completion of redcard

set -l verbs serve validate scan rules prove simulate diff audits ledger patchctl rollback sinks shadow drill status version help
set -l none "not __fish_seen_subcommand_from $verbs"

complete -c redcard -f
complete -c redcard -n $none -a serve -d 'stand in front of builders and judge what they stream'
complete -c redcard -n $none -a validate -d 'check a configuration and its policy'
complete -c redcard -n $none -a scan -d 'judge a file or a recorded stream'
complete -c redcard -n $none -a rules -d 'list the rules of a policy, show one, or try their samples'
complete -c redcard -n $none -a prove -d 'cut recorded streams everywhere'
complete -c redcard -n $none -a simulate -d 'replay recorded streams against a new policy'
complete -c redcard -n $none -a diff -d 'compare two renders of one program'
complete -c redcard -n $none -a ledger -d 'read, write and verify the rows of what was decided'
complete -c redcard -n $none -a audits -d 'list and answer what waits for a person'
complete -c redcard -n $none -a patchctl -d 'serve rollbacks'
complete -c redcard -n $none -a rollback -d 'ask PatchCtl for a rollback'
complete -c redcard -n $none -a sinks -d 'send a test message to a sink'
complete -c redcard -n $none -a shadow -d 'copy a share of the requests for a shadow; say which way'
complete -c redcard -n $none -a drill -d 'inject bad canaries'
complete -c redcard -n $none -a status -d 'ask a running redcard how it is'
complete -c redcard -n $none -a version -d 'print what this is and what it runs on'
complete -c redcard -n $none -a help -d 'print the help of a verb'

complete -c redcard -n '__fish_seen_subcommand_from validate scan prove simulate diff' -F
complete -c redcard -n '__fish_seen_subcommand_from serve validate simulate audits ledger patchctl sinks shadow drill status' -s c -l config -r -F -d 'the configuration'
complete -c redcard -n '__fish_seen_subcommand_from validate scan rules' -s p -l policy -r -F -d 'the policy'
complete -c redcard -n '__fish_seen_subcommand_from scan prove simulate' -s w -l wire -x -d 'how the text is written' \
	-a 'chat responses messages gemini gemini-array ollama sse lines json plain'
complete -c redcard -n '__fish_seen_subcommand_from scan' -s f -l format -x -d 'how findings are printed' -a 'text json jsonl sarif junit'
complete -c redcard -n '__fish_seen_subcommand_from scan' -s b -l baseline -r -F -d 'what is known'
complete -c redcard -n '__fish_seen_subcommand_from scan' -l write-baseline -r -F -d 'write what is found'
complete -c redcard -n '__fish_seen_subcommand_from rules; and not __fish_seen_subcommand_from list show test' -a 'list show test'
complete -c redcard -n '__fish_seen_subcommand_from list' -l severity -x -d 'only these' -a 'low medium high critical'
complete -c redcard -n '__fish_seen_subcommand_from list' -l action -x -d 'only these' -a 'flag redact cut'
complete -c redcard -n '__fish_seen_subcommand_from test' -l require-samples -d 'a rule without samples fails'
complete -c redcard -n '__fish_seen_subcommand_from prove' -l splits -x -d 'cut at so many positions'
complete -c redcard -n '__fish_seen_subcommand_from simulate' -s a -l against -r -F -d 'the old policy'
complete -c redcard -n '__fish_seen_subcommand_from diff' -s t -l threshold -x -d 'the most without an audit'
complete -c redcard -n '__fish_seen_subcommand_from diff' -s b -l base -r -F -d 'what both changed'
complete -c redcard -n '__fish_seen_subcommand_from diff' -s l -l language -x -d 'of both' \
	-a 'bash c go java javascript python rust tsx typescript'
complete -c redcard -n '__fish_seen_subcommand_from diff' -l meta -r -F -d 'put its section into a meta.yaml'
complete -c redcard -n '__fish_seen_subcommand_from diff' -l metrics -r -F -d 'write metrics'
complete -c redcard -n '__fish_seen_subcommand_from diff' -l view -x -d 'how it is shown' -a 'side text'
complete -c redcard -n '__fish_seen_subcommand_from diff' -l color -x -d 'when to use colours' -a 'auto always never'
complete -c redcard -n '__fish_seen_subcommand_from diff' -l dump-trees -d 'print both trees'
complete -c redcard -n '__fish_seen_subcommand_from audits; and not __fish_seen_subcommand_from list show answer ask' \
	-a 'list show answer ask'
complete -c redcard -n '__fish_seen_subcommand_from answer' -s r -l reason -x -d 'for the record'
complete -c redcard -n '__fish_seen_subcommand_from ask' -l auditor -x -d 'which auditor'
complete -c redcard -n '__fish_seen_subcommand_from ask' -s t -l threshold -x -d 'of the question'
complete -c redcard -n '__fish_seen_subcommand_from ask' -F
complete -c redcard -n '__fish_seen_subcommand_from patchctl' -l check -d 'read the configuration, and end'
complete -c redcard -n '__fish_seen_subcommand_from rollback; and not __fish_seen_subcommand_from plan run status list abort bypass' \
	-a 'plan run status list abort bypass'
set -l drills secret dangerous-code coverage-violation latency-regression cost-spike ast-divergence good
complete -c redcard -n '__fish_seen_subcommand_from drill' -l type -x -d 'what is injected' -a "$drills"
complete -c redcard -n '__fish_seen_subcommand_from drill' -l count -x -d 'of each type'
complete -c redcard -n '__fish_seen_subcommand_from drill' -l list -d 'list the types'
complete -c redcard -n '__fish_seen_subcommand_from rollback' -l url -x -d 'where PatchCtl is'
complete -c redcard -n '__fish_seen_subcommand_from rollback' -l ca -r -F -d 'who vouches for an https address'
complete -c redcard -n '__fish_seen_subcommand_from rollback' -l token-file -r -F -d 'the secret of a token'
complete -c redcard -n '__fish_seen_subcommand_from plan run bypass' -l target -x -d 'of PatchCtl'
complete -c redcard -n '__fish_seen_subcommand_from plan run' -l bad -x -d 'the revision to take back'
complete -c redcard -n '__fish_seen_subcommand_from plan run' -l anchor -x -d 'what is restored'
complete -c redcard -n '__fish_seen_subcommand_from run abort bypass' -l reason -x -d 'for the history'
complete -c redcard -n '__fish_seen_subcommand_from bypass' -l for -x -d 'such as 15m'
complete -c redcard -n '__fish_seen_subcommand_from bypass' -l end -d 'it is over'
complete -c redcard -n '__fish_seen_subcommand_from run' -l deadline -x -d 'such as 90s'
complete -c redcard -n '__fish_seen_subcommand_from run' -l key -x -d 'makes two requests one'
complete -c redcard -n '__fish_seen_subcommand_from ledger; and not __fish_seen_subcommand_from list show add anchor verify export init' \
	-x -a 'list show add anchor verify export init'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -l ledger -r -F -d 'the database'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -l checkpoints -r -F -d 'the checkpoints outside'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -l key -r -F -d 'the private key'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -l public -r -F -d 'verify: the public keys to trust'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -l export -r -F -d 'verify: exported lines'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -s k -l kind -x -d 'what sort of row'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -s s -l subject -x -d 'about what'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -l once -x -d 'add: one row for a key'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -l since -x -d 'list: newer ones'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -l after -x -d 'list, export: from behind that row'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -s n -l limit -x -d 'list: how many'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -s t -l target -x -d 'anchor: of what'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -s r -l revision -x -d 'anchor: which'
complete -c redcard -n '__fish_seen_subcommand_from ledger' -l note -x -d 'anchor: for the record'
complete -c redcard -n '__fish_seen_subcommand_from audits status' -s a -l admin -x -d 'the admin listener'
complete -c redcard -n '__fish_seen_subcommand_from sinks; and not __fish_seen_subcommand_from test' -a test
complete -c redcard -n '__fish_seen_subcommand_from shadow; and not __fish_seen_subcommand_from run check watch' -a 'run check watch'
complete -c redcard -n '__fish_seen_subcommand_from shadow' -l replay -r -F -d 'run: recorded requests instead of the mirror'
complete -c redcard -n '__fish_seen_subcommand_from validate scan rules prove simulate diff audits ledger rollback sinks shadow drill status version' -l json -d 'print JSON'
complete -c redcard -n "__fish_seen_subcommand_from $verbs" -s h -l help -d 'print the help'
complete -c redcard -n '__fish_seen_subcommand_from help' -a "$verbs"
