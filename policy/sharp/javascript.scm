; Nothing is harmless here beyond what the normalisation leaves out. Other files stand behind this one: jsx.scm for
; JavaScript and TSX, typescript.scm for TypeScript and TSX.

(program . (hash_bang_line) @directive)
((comment) @directive (#match? @directive "@jsx"))

(if_statement condition: (_) @condition)
(if_statement consequence: [(return_statement) (throw_statement) (continue_statement) (break_statement)]) @guard
(if_statement consequence: (statement_block
  [(return_statement) (throw_statement) (continue_statement) (break_statement)])) @guard
(if_statement consequence: (statement_block (expression_statement (call_expression function: (_) @_exit)))
  (#match? @_exit "^(process\\.(exit|abort)|next|reject|done)$")) @guard
(while_statement condition: (_) @condition)
(do_statement condition: (_) @condition)
(for_statement condition: (_) @condition)
(for_in_statement) @condition
(ternary_expression condition: (_) @condition)
(switch_statement value: (_) @condition)
(switch_case value: (_) @condition)

[(return_statement) (throw_statement) (break_statement) (continue_statement) (yield_expression)] @exit
(import_statement) @import
(export_statement source: (_) @import)
(export_statement) @wrapper
["export" "default"] @modifier
(call_expression function: (_) @callee) @callee
(call_expression arguments: (_) @argument)
(call_expression function: (import) arguments: (arguments) @import)
(call_expression function: (identifier) @_require arguments: (arguments) @import (#eq? @_require "require"))
(new_expression constructor: (_) @callee)
(new_expression arguments: (_) @argument)
(decorator) @decorator
(catch_clause) @exception
(finally_clause) @exception
["async" "static" "get" "set"] @modifier
(await_expression) @modifier
[(lexical_declaration) (variable_declaration)] @assignment
(binary_expression) @operator
((binary_expression operator: _ @_o) @comparison (#any-of? @_o "<" "<=" ">" ">=" "==" "===" "!=" "!==" "in" "instanceof"))
[(unary_expression) (update_expression) (augmented_assignment_expression) (subscript_expression) (spread_element)] @operator
[(string) (template_string) (number) (regex) (true) (false) (null) (undefined)] @literal
([(string) (template_string)] @url
  (#match? @url "://|\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b|\\blocalhost\\b|\\b[A-Za-z0-9-]+\\.(?:com|org|net|io|dev|app|ai|co|cloud|internal|local)\\b"))
(pair) @assignment
(formal_parameters) @parameter
(arrow_function parameter: (_) @parameter)
[(variable_declarator) (assignment_expression)] @assignment
(class_heritage) @type
[(function_declaration) (generator_function_declaration) (class_declaration) (method_definition)] @definition
(function_declaration name: (_) @definition)
(generator_function_declaration name: (_) @definition)
(class_declaration name: (_) @definition)
(method_definition name: (_) @definition)
