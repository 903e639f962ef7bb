(method_invocation name: (_) @callee)
