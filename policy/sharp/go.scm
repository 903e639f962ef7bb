; Harmless: the order of imports, which are initialised in an order of their own.
(import_spec) @unordered
((import_spec path: (_) @_path) @kept (#eq? @_path "\"C\""))

((comment) @directive (#match? @directive "^//(go:|export |line |extern | ?[+]build)|^/[*]line "))
(source_file (comment) @directive . (import_declaration (import_spec path: (_) @_path)) (#eq? @_path "\"C\""))

(if_statement condition: (_) @condition)
(if_statement consequence: (block (statement_list
  [(return_statement) (continue_statement) (break_statement) (goto_statement)]))) @guard
(if_statement consequence: (block (statement_list (expression_statement (call_expression function: (_) @_exit))))
  (#match? @_exit "^(panic|os\\.Exit|log\\.(Fatal|Panic)(f|ln)?|runtime\\.Goexit|http\\.Error)$")) @guard
(for_clause condition: (_) @condition)
(for_statement (range_clause) @condition)
(expression_switch_statement value: (_) @condition)
(expression_case value: (_) @condition)
(type_case) @condition
(communication_case communication: (_) @condition)

[(return_statement) (break_statement) (continue_statement) (goto_statement) (fallthrough_statement)] @exit
(import_spec) @import
(package_clause) @import
(call_expression function: (_) @callee) @callee
(call_expression arguments: (_) @argument)
[(go_statement) (defer_statement)] @modifier
(binary_expression) @operator
((binary_expression operator: _ @_o) @comparison (#any-of? @_o "<" "<=" ">" ">=" "==" "!="))
[(unary_expression) (inc_statement) (dec_statement) (index_expression) (slice_expression) (send_statement)] @operator
((assignment_statement operator: _ @_o) @operator (#not-eq? @_o "="))
[(int_literal) (float_literal) (imaginary_literal) (rune_literal) (interpreted_string_literal) (raw_string_literal)] @literal
[(true) (false) (nil) (iota)] @literal
([(interpreted_string_literal) (raw_string_literal)] @url
  (#match? @url "://|\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b|\\blocalhost\\b|\\b[A-Za-z0-9-]+\\.(?:com|org|net|io|dev|app|ai|co|cloud|internal|local)\\b"))
[(keyed_element) (assignment_statement) (short_var_declaration) (var_spec) (const_spec)] @assignment
(parameter_list) @parameter
[(type_conversion_expression) (type_assertion_expression) (type_spec) (type_alias) (field_declaration)] @type
(composite_literal type: (_) @type)
[(function_declaration) (method_declaration) (type_declaration)] @definition
(function_declaration name: (_) @definition)
(method_declaration name: (_) @definition)
