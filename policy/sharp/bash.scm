(command name: (_) @callee)
