; Nothing is harmless here beyond what the normalisation leaves out.

(program . (comment) @directive (#match? @directive "^#!"))

(if_statement condition: (_) @condition)
(elif_clause . (_) @condition)
(while_statement condition: (_) @condition)
(for_statement value: (_) @condition)
(case_statement value: (_) @condition)
(case_item value: (_) @condition)
(if_statement (command name: (_) @_exit) (#any-of? @_exit "exit" "return" "die" "break" "continue" "exec")) @guard
(list (command name: (_) @_exit) (#any-of? @_exit "exit" "return" "die" "break" "continue" "exec")) @guard
(list (compound_statement (command name: (_) @_exit)) (#any-of? @_exit "exit" "return" "die" "break" "continue" "exec")) @guard
(list) @condition

((command name: (_) @_exit) @exit (#any-of? @_exit "exit" "return" "break" "continue"))
((command name: (_) @_source) @import (#any-of? @_source "source" "."))
(command name: (_) @callee)
(command argument: (_) @argument)
[(redirected_statement) (file_redirect) (heredoc_redirect) (herestring_redirect)] @redirect
(pipeline) @pipeline
[(subshell) (command_substitution) (process_substitution) (negated_command)] @operator
["&" "&&" "||" "!"] @operator
(test_command) @comparison
[(binary_expression) (unary_expression)] @comparison
[(string) (raw_string) (ansi_c_string) (number) (heredoc_body) (regex)] @literal
([(string) (raw_string) (ansi_c_string) (word) (concatenation)] @url
  (#match? @url "://|\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b|\\blocalhost\\b|\\b[A-Za-z0-9-]+\\.(?:com|org|net|io|dev|app|ai|co|cloud|internal|local)\\b"))
[(variable_assignment) (declaration_command)] @assignment
[(expansion) (simple_expansion)] @argument
(unset_command) @modifier
(function_definition) @definition
(function_definition name: (_) @definition)
