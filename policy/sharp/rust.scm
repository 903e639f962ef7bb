; Harmless: attributes that are for the compiler's warnings and its optimiser.
((attribute_item (attribute . (identifier) @_name)) @harmless
  (#any-of? @_name "allow" "expect" "warn" "inline" "must_use" "cold" "doc"))

(source_file . (shebang) @directive)

(if_expression condition: (_) @condition)
(if_expression consequence: (block (expression_statement
  [(return_expression) (break_expression) (continue_expression)]))) @guard
(if_expression consequence: (block [(return_expression) (break_expression) (continue_expression)])) @guard
(if_expression consequence: (block (macro_invocation macro: (_) @_exit))
  (#match? @_exit "^(panic|unreachable|unimplemented|todo|bail|ensure)$")) @guard
(if_expression consequence: (block (expression_statement (macro_invocation macro: (_) @_exit)))
  (#match? @_exit "^(panic|unreachable|unimplemented|todo|bail|ensure)$")) @guard
(if_expression consequence: (block (expression_statement (call_expression function: (_) @_exit)))
  (#match? @_exit "(^|::)(exit|abort)$")) @guard
(let_declaration alternative: (_)) @guard
(while_expression condition: (_) @condition)
(for_expression value: (_) @condition)
(match_expression value: (_) @condition)
(match_arm pattern: (_) @condition)
((macro_invocation macro: (_) @_m) @guard (#match? @_m "^(debug_)?assert(_eq|_ne)?$"))

[(return_expression) (break_expression) (continue_expression) (yield_expression) (try_expression)] @exit
[(use_declaration) (extern_crate_declaration) (mod_item)] @import
(call_expression function: (_) @callee) @callee
(call_expression arguments: (_) @argument)
(macro_invocation macro: (_) @callee)
(macro_invocation (token_tree) @argument)
[(attribute_item) (inner_attribute_item)] @decorator
[(unsafe_block) (async_block) (function_modifiers) (visibility_modifier) (mutable_specifier) (await_expression) (extern_modifier)] @modifier
["unsafe" "move" "static" "const"] @modifier
(binary_expression) @operator
((binary_expression operator: _ @_o) @comparison (#any-of? @_o "<" "<=" ">" ">=" "==" "!="))
[(unary_expression) (compound_assignment_expr) (reference_expression) (index_expression) (range_expression)] @operator
[(integer_literal) (float_literal) (boolean_literal) (char_literal) (string_literal) (raw_string_literal) (negative_literal)] @literal
([(string_literal) (raw_string_literal)] @url
  (#match? @url "://|\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b|\\blocalhost\\b|\\b[A-Za-z0-9-]+\\.(?:com|org|net|io|dev|app|ai|co|cloud|internal|local)\\b"))
[(let_declaration) (assignment_expression) (field_initializer) (const_item) (static_item)] @assignment
(parameters) @parameter
(closure_parameters) @parameter
[(type_cast_expression) (type_arguments) (type_parameters) (where_clause) (field_declaration) (type_item)] @type
(function_item return_type: (_) @type)
(let_declaration type: (_) @type)
[(function_item) (struct_item) (enum_item) (impl_item) (trait_item) (union_item) (macro_definition)] @definition
(function_item name: (_) @definition)
