; Harmless: what only the compiler checks, and the order of imports.
(import_declaration) @unordered
((marker_annotation name: (_) @_name) @harmless (#any-of? @_name "Override" "SafeVarargs" "FunctionalInterface"))
((annotation name: (_) @_name) @harmless (#eq? @_name "SuppressWarnings"))
(modifiers) @hollow
(local_variable_declaration (modifiers "final" @harmless))
(formal_parameter (modifiers "final" @harmless))
(catch_formal_parameter (modifiers "final" @harmless))
(enhanced_for_statement (modifiers "final" @harmless))

; Java reads \uXXXX before it reads comments.
([(line_comment) (block_comment)] @directive (#match? @directive "\\\\u"))

(if_statement condition: (_) @condition)
(if_statement consequence: [(return_statement) (throw_statement) (continue_statement) (break_statement)]) @guard
(if_statement consequence: (block
  [(return_statement) (throw_statement) (continue_statement) (break_statement)])) @guard
(if_statement consequence: (block (expression_statement (method_invocation object: (_) @_o name: (_) @_exit)))
  (#eq? @_o "System") (#eq? @_exit "exit")) @guard
(assert_statement) @guard
(while_statement condition: (_) @condition)
(do_statement condition: (_) @condition)
(for_statement condition: (_) @condition)
(enhanced_for_statement value: (_) @condition)
(ternary_expression condition: (_) @condition)
(switch_expression condition: (_) @condition)
(switch_label) @condition

[(return_statement) (throw_statement) (break_statement) (continue_statement) (yield_statement)] @exit
[(import_declaration) (package_declaration)] @import
(method_invocation name: (_) @callee) @callee
(method_invocation object: (_) @callee)
(method_invocation arguments: (_) @argument)
(object_creation_expression type: (_) @callee)
(object_creation_expression arguments: (_) @argument)
(method_reference) @callee
(explicit_constructor_invocation) @callee
[(annotation) (marker_annotation)] @decorator
[(catch_clause) (catch_type) (finally_clause) (throws)] @exception
["public" "private" "protected" "static" "final" "abstract" "synchronized" "volatile" "transient" "native"] @modifier
(synchronized_statement) @modifier
(binary_expression) @operator
((binary_expression operator: _ @_o) @comparison (#any-of? @_o "<" "<=" ">" ">=" "==" "!="))
(instanceof_expression) @comparison
[(unary_expression) (update_expression) (array_access)] @operator
((assignment_expression operator: _ @_o) @operator (#not-eq? @_o "="))
[(decimal_integer_literal) (hex_integer_literal) (octal_integer_literal) (binary_integer_literal)] @literal
[(decimal_floating_point_literal) (hex_floating_point_literal) (string_literal) (character_literal)] @literal
[(true) (false) (null_literal) (class_literal)] @literal
((string_literal) @url
  (#match? @url "://|\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b|\\blocalhost\\b|\\b[A-Za-z0-9-]+\\.(?:com|org|net|io|dev|app|ai|co|cloud|internal|local)\\b"))
[(variable_declarator) (assignment_expression) (element_value_pair) (enum_constant)] @assignment
(formal_parameters) @parameter
[(cast_expression) (superclass) (super_interfaces) (type_arguments) (type_parameters)] @type
(method_declaration type: (_) @type)
(local_variable_declaration type: (_) @type)
(field_declaration type: (_) @type)
[(class_declaration) (interface_declaration) (enum_declaration) (record_declaration)] @definition
[(method_declaration) (constructor_declaration) (field_declaration)] @definition
(method_declaration name: (_) @definition)
(class_declaration name: (_) @definition)
