# bash completion of redcard

_redcard() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
	local verbs="serve validate scan rules prove simulate diff audits ledger patchctl rollback sinks shadow drill status version help" options=
	local wires="chat responses messages gemini gemini-array ollama sse lines json plain"
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$verbs --help --version" -- "$current")
		return
	fi
	case $previous in
	--type)
		mapfile -t COMPREPLY < <(compgen -W "secret dangerous-code coverage-violation latency-regression cost-spike ast-divergence good" -- "$current")
		return
		;;
	-w | --wire)
		mapfile -t COMPREPLY < <(compgen -W "$wires" -- "$current")
		return
		;;
	-f | --format)
		mapfile -t COMPREPLY < <(compgen -W "text json jsonl sarif junit" -- "$current")
		return
		;;
	--severity)
		mapfile -t COMPREPLY < <(compgen -W "low medium high critical" -- "$current")
		return
		;;
	--action)
		mapfile -t COMPREPLY < <(compgen -W "flag redact cut" -- "$current")
		return
		;;
	--view)
		mapfile -t COMPREPLY < <(compgen -W "side text" -- "$current")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$current")
		return
		;;
	-l | --language)
		mapfile -t COMPREPLY < <(compgen -W "bash c go java javascript python rust tsx typescript" -- "$current")
		return
		;;
	-p | --policy | --against)
		mapfile -t COMPREPLY < <(compgen -W builtin -- "$current"; compgen -f -- "$current")
		return
		;;
	--ca | --ledger | --token-file | --checkpoints | --key | --public | --export | -c | --config | --replay | -b | --baseline | --base | --write-baseline | \
		--meta | --metrics)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	case $verb in
	serve) options="--config --help" ;;
	validate) options="--config --policy --json --help" ;;
	scan) options="--policy --wire --format --baseline --write-baseline --json --help" ;;
	rules)
		case ${COMP_WORDS[2]} in
		list) options="--policy --severity --action --json --help" ;;
		show) options="--policy --json --help" ;;
		test) options="--policy --require-samples --json --help" ;;
		*) options="--help" ;;
		esac
		if [ "$COMP_CWORD" -eq 2 ]; then
			mapfile -t COMPREPLY < <(compgen -W "list show test --help" -- "$current")
			return
		fi
		;;
	prove) options="--splits --wire --json --help" ;;
	simulate) options="--against --config --wire --json --help" ;;
	diff) options="--threshold --base --language --meta --metrics --view --color --json --dump-trees --help" ;;
	audits)
		case ${COMP_WORDS[2]} in
		show) options="--config --admin --json --help" ;;
		answer) options="--config --admin --reason --help" ;;
		ask) options="--config --auditor --threshold --json --help" ;;
		*) options="--config --admin --json --help" ;;
		esac
		if [ "$COMP_CWORD" -eq 2 ]; then
			mapfile -t COMPREPLY < <(compgen -W "list show answer ask --help" -- "$current")
			return
		fi
		;;
	ledger)
		case ${COMP_WORDS[2]} in
		show) options="--config --ledger --json --help" ;;
		add) options="--config --ledger --checkpoints --key --kind --subject --once --json --help" ;;
		anchor) options="--config --ledger --checkpoints --key --target --revision --note --json --help" ;;
		verify) options="--config --ledger --checkpoints --public --export --json --help" ;;
		export) options="--config --ledger --after --json --help" ;;
		init) options="--config --ledger --checkpoints --key --help" ;;
		*) options="--config --ledger --kind --subject --since --after --limit --json --help" ;;
		esac
		if [ "$COMP_CWORD" -eq 2 ]; then
			mapfile -t COMPREPLY < <(compgen -W "list show add anchor verify export init --help" -- "$current")
			return
		fi
		;;
	patchctl) options="--config --check --help" ;;
	rollback)
		case ${COMP_WORDS[2]} in
		plan) options="--url --ca --token-file --target --bad --anchor --json --help" ;;
		run) options="--url --ca --token-file --target --bad --anchor --reason --deadline --key --json --help" ;;
		abort) options="--url --ca --token-file --reason --json --help" ;;
		bypass) options="--config --admin --reason --for --target --end --json --help" ;;
		*) options="--url --ca --token-file --json --help" ;;
		esac
		if [ "$COMP_CWORD" -eq 2 ]; then
			mapfile -t COMPREPLY < <(compgen -W "plan run status list abort bypass --help" -- "$current")
			return
		fi
		;;
	sinks)
		options="--config --json --help"
		if [ "$COMP_CWORD" -eq 2 ]; then
			mapfile -t COMPREPLY < <(compgen -W "test --help" -- "$current")
			return
		fi
		;;
	shadow)
		case ${COMP_WORDS[2]} in
		run) options="--config --replay --attach --port --help" ;;
		check) options="--json --help" ;;
		watch) options="--config --attach --port --help" ;;
		*) options="--help" ;;
		esac
		if [ "$COMP_CWORD" -eq 2 ]; then
			mapfile -t COMPREPLY < <(compgen -W "run check watch --help" -- "$current")
			return
		fi
		;;
	drill) options="--config --type --count --list --json --help" ;;
	status) options="--config --admin --json --help" ;;
	version) options="--json --help" ;;
	help) options=$verbs ;;
	esac
	case $verb:$current in
	help:* | *:-*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current") ;;
	audits:*) [ "${COMP_WORDS[2]}" = ask ] && mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	validate:* | scan:* | prove:* | simulate:* | diff:*) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	esac
}
complete -o filenames -F _redcard redcard
